# Last words
#
# We close. The peer has not seen that yet, and says this and that.

send close 1001
< close 1001
state closing
#= RFC 6455, 7.1.3: once a Close frame was sent, the connection is in the CLOSING state.
#@ src/protocol/connection.rs:state
> text "one more thing"
> ping "still there?"
< pong "still there?"
#= RFC 6455, 5.5.1: behind our Close frame we may send no more data, so the message has no answer and
#= no reader. A pong is no data: 5.5.2 wants it "unless it already received a Close frame", and we
#= have not received one.
#@ src/protocol/connection/step.rs:obey
timeout in 5s
#= RFC 6455, 7.1.1 lets us close "via any means available when necessary". wigwag waits five seconds,
#= and what arrives meanwhile does not make them more.
#@ src/protocol/connection.rs:next_timeout
> close 1001
event close 1001
ended by local 1001 cleanly
#= RFC 6455, 7.1.4: both Close frames have gone. Ours went first, so we ended it.
#@ src/protocol/connection/step.rs:obey
