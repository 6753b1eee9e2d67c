# Control frames pass between fragments
#
# RFC 6455, 5.4: "Control frames (see Section 5.5) MAY be injected in the middle of a fragmented
# message." Else a ping would have to wait for the end of a long upload. It is answered at once.

> text fin=0 "a long "
> ping "alive?"
event ping "alive?"
< pong "alive?"

> continuation fin=0 "upl"
> pong
event pong
> continuation "oad"
event text "a long upload"
