# A client keeps the same time
#
# Silence, pings and pongs are alike for both ends: RFC 6455, 5.5.2 speaks of endpoints.

role client

> ping "25 seconds gone?"
event ping "25 seconds gone?"
< pong "25 seconds gone?"
wait 25s
< ping
wait 10s
ended by silence uncleanly
wants drop
