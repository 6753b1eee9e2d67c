# Four bits at a time
#
# Write the first byte of each frame in binary: FIN, three reserved bits, four bits of opcode.

> hex 02 83 00000000 01 02 03
> hex 80 81 00000000 04
event binary hex 01 02 03 04
#= RFC 6455, 5.2: 02 is binary without FIN, 80 is FIN and the opcode 0, continuation. Together they
#= are one message.
#@ src/protocol/frame.rs:judge_first_byte
