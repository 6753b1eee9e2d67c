# The opcode, again
#
# Somebody read that each frame of a text message has the opcode 1.

> text fin=0 "good "
> text "morning"
event violation MessageUnfinished
< close 1002 "the message before is unfinished"
#= RFC 6455, 5.4: all fragments but the first have the opcode 0. A second text frame would be a
#= second message, inside the first.
#@ src/protocol/frame.rs:judge_first_byte
