# Two and a half
#
# All this arrives in one read. Then, later, one byte more.

> hex 81 81 00000000 61
> hex 82 81 00000000 62
> hex 81 81 00000000
event text "a"
event binary "b"
#= RFC 6455, 5.2: TCP does not keep frames apart, their lengths do. The third frame announces one
#= byte of payload, and that has not come: nothing is told of it yet.
#@ src/protocol/connection/step.rs:step

wait 1s
> hex 63
event text "c"
#= RFC 6455, 5.2: now the payload is complete. What was known of the frame was kept.
#@ src/protocol/connection/step.rs:take_header
