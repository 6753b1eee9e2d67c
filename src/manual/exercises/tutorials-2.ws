# Bits to be ignored
#
# "The reserved bits can be ignored", a guide says. This frame has RSV2 set.

> text rsv2 "Hello"
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
#= RFC 6455, 5.2: if none of the negotiated extensions defines the meaning of such a bit, "the
#= receiving endpoint MUST _Fail the WebSocket Connection_."
#@ src/protocol/frame.rs:judge_first_byte
