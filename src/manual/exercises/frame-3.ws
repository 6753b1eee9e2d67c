# A bit too many
#
# No extension was negotiated. A good message follows.

> hex c1 82 00000000 68 69
> hex 81 82 00000000 68 69
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
#= RFC 6455, 5.2: c1 has RSV1 set, which MUST be 0 "unless an extension is negotiated that defines
#= meanings for non-zero values."
#@ src/protocol/frame.rs:judge_first_byte
state closed
#= RFC 6455, 7.1.7: an endpoint "MUST NOT continue to attempt to process data". The message that
#= follows has no reader any more.
#@ src/protocol/connection.rs:receive
wants shutdown
#= RFC 6455, 7.1.1: the server closes the transport first, once its Close frame is on its way.
#@ src/protocol/connection.rs:wants_shutdown
