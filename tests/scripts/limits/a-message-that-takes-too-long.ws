# A message that is never finished
#
# Each byte is a sign of life, so silence does not end this one. But it holds memory, RFC 6455,
# 10.4, and so its time is limited: 30 seconds from its first header.

> text fin=0 "T"
wait 20s
> continuation fin=0 "o"
timeout in 10s
wait 9s
> continuation fin=0 " "
wait 1s
< close 1008 "a message was not finished in time"
ended by violation ReassemblyTimedOut 1008 uncleanly
wants shutdown

> continuation "b"
state closed
