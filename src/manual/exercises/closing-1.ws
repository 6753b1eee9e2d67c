# Goodbye
#
# The peer closes, and gives a reason.

> close 1001 "page left"
event close 1001 "page left"
< close 1001 "page left"
#= RFC 6455, 5.5.1: who receives a Close frame and has sent none MUST answer with one, and
#= "typically echos the status code it received."
#@ src/protocol/connection/step.rs:obey
state closed
ended by peer 1001 cleanly
#= RFC 6455, 7.1.4: Close frames went both ways: that is clean. The code is the peer's, who began.
#@ src/protocol/connection.rs:end
wants shutdown
#= RFC 6455, 7.1.1: the transport "SHOULD be closed first by the server".
#@ src/protocol/connection.rs:wants_shutdown
