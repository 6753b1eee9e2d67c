# Where it matters
#
# ff is in no UTF-8 at all. Four frames hold it.

> binary hex ff
event binary hex ff
> ping hex ff
event ping hex ff
< pong hex ff
#= RFC 6455, 5.6: binary data is for the application to understand, and so is what a ping carries.
#@ src/protocol/connection/step.rs:obey
> close 1000 "\xff"
event violation InvalidUtf8InCloseReason
< close 1007 "a close reason is not valid UTF-8"
#= RFC 6455, 5.5.1: behind the code comes "UTF-8-encoded data". The Close frame is not answered as
#= one, but as what it is: a mistake (8.1).
#@ src/protocol/close.rs:parse
> text hex ff
state closed
#= RFC 6455, 7.1.7: after that nothing is processed.
#@ src/protocol/connection.rs:receive
