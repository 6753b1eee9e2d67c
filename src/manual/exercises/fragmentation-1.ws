# In what order?
#
# The application echoes messages. A ping comes in the middle of one.

echo on

> text fin=0 "good "
> ping "in between"
> continuation "morning"
event ping "in between"
< pong "in between"
#= RFC 6455, 5.4: control frames may come between fragments, and are answered at once (5.5.2).
#@ src/protocol/connection/step.rs:control_piece
event text "good morning"
< text "good morning"
#= RFC 6455, 5.4: the message is told of when its last fragment is there. The answer need not be
#= cut as the question was.
#@ src/protocol/connection/step.rs:data_piece
