# A control frame is not part of the message
#
# So a ping passes when the message around it has no room left: RFC 6455, 5.4 and 10.4.

limit max_message 5

> text fin=0 "Hello"
> ping "still there?"
> continuation
event ping "still there?"
< pong "still there?"
event text "Hello"
