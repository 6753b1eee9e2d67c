# Second thoughts
#
# A Close frame in the middle of a message, and then the rest of the message.

> text fin=0 "I am not qu"
> close 1000
> continuation "ite done"
event close 1000
< close 1000
#= RFC 6455, 5.4: a Close frame is a control frame, and may come between fragments. It is answered
#= with its own code (5.5.1).
#@ src/protocol/connection/step.rs:obey
ended by peer 1000 cleanly
#= RFC 6455, 1.4: what comes behind the Close frame is discarded, and the message with it. Both
#= sides have sent a Close frame, so the end is clean (7.1.4).
#@ src/protocol/connection.rs:receive
