# Who pings and does not read cannot make us hoard pongs
#
# RFC 6455, 5.5.3: an endpoint that has not yet answered earlier pings "MAY elect to send a Pong
# frame for only the most recently processed Ping frame." So it is done here once 16 KiB are waiting
# to be sent: a flood of pings costs its sender more than it costs us.

transport stalled
send binary "x" * 16384

> ping "1"
> ping "2"
> ping "3"
event ping "1"
event ping "2"
event ping "3"

transport flowing
< binary "x" * 16384
< pong "3"
