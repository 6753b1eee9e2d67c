# Each of ten pings is answered
#
# RFC 6455, 5.5.3 allows to answer only the latest, if the others are still unanswered. As long as
# there is room nobody needs to know.

> ping "1"
> ping "2"
> ping "3"
> ping "4"
> ping "5"
event ping "1"
< pong "1"
event ping "2"
< pong "2"
event ping "3"
< pong "3"
event ping "4"
< pong "4"
event ping "5"
< pong "5"

# The same while nothing is taken: they wait in order.
transport stalled
> ping "6"
> ping "7"
> ping "8"
> ping "9"
> ping "10"
event ping "6"
event ping "7"
event ping "8"
event ping "9"
event ping "10"
transport flowing
< pong "6"
< pong "7"
< pong "8"
< pong "9"
< pong "10"
