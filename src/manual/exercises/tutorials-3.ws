# Nothing said, and what is answered?
#
# A browser's close() without arguments sends an empty Close frame.

> close
event close
< close
#= RFC 6455, 7.1.5: a Close frame without a code counts as 1005, and that number must never be sent.
#= The answer is as empty as the question.
#@ src/protocol/connection/step.rs:obey
ended by peer cleanly
#= RFC 6455, 7.1.4: it is as clean an end as any; it only has no code.
#@ src/protocol/connection.rs:end
