# Each frame brings its own key
#
# RFC 6455, 5.3: the key is "chosen at random by the client" for each frame, also for each fragment,
# and the counting of its four bytes begins anew with each payload.

> text fin=0 mask=01020304 "He"
> ping mask=a0b0c0d0 "inside"
> continuation fin=0 mask=deadbeef "l"
> continuation mask=ffffffff "lo"
event ping "inside"
< pong "inside"
event text "Hello"
