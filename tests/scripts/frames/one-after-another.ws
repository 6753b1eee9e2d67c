# Frames need not come one by one
#
# TCP knows no frames. Three of them may arrive in one packet, and half a header may end one. Each
# message is answered before the next is looked at, in the order of arrival: RFC 6455, 5.4 keeps the
# fragments of a message in order, and a ping between them is answered between them.

echo on

> text "one"
> ping "two"
> text fin=0 "thr"
> ping "inside"
> continuation "ee"
event text "one"
< text "one"
event ping "two"
< pong "two"
event ping "inside"
< pong "inside"
event text "three"
< text "three"
