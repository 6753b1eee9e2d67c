# A pong needs no ping
#
# RFC 6455, 5.5.3: "A Pong frame MAY be sent unsolicited. This serves as a unidirectional heartbeat.
# A response to an unsolicited Pong frame is not expected."

> pong "I am here"
event pong "I am here"

send pong "so am I"
< pong "so am I"
state open
