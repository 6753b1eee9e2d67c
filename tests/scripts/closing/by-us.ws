# We close
#
# RFC 6455, 7.1.2: to start the closing handshake an endpoint sends a Close frame, and then waits
# for the other's. As long as it has not come, the connection is closing.

send close 1001 "maintenance"
< close 1001 "maintenance"
state closing
wants nothing
timeout in 5s

> close 1001 "maintenance"
event close 1001 "maintenance"
state closed
ended by local 1001 cleanly
wants shutdown
