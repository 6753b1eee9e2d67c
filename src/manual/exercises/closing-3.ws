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
timeout in 5s
#= RFC 6455, 5.5.1: we have sent our Close frame, and send nothing behind it: no answer, no pong.
#= Nor does what arrives make us wait longer.
#@ src/protocol/connection.rs:receive
> close 1001
event close 1001
ended by local 1001 cleanly
#= RFC 6455, 7.1.4: both Close frames have gone. Ours went first, so we ended it.
#@ src/protocol/connection/step.rs:obey
