# Five bytes, in a long form
#
# 126 says: the length stands in the next two bytes. They say 5.

> hex 81 fe 00 05
event violation LengthNotMinimal
< close 1002 "a length is not in its shortest form"
#= RFC 6455, 5.2: "the minimal number of bytes MUST be used to encode the length". 5 fits into the
#= seven bits of the second byte.
#@ src/protocol/frame.rs:parse_length
ended by violation LengthNotMinimal 1002 uncleanly
#= RFC 6455, 7.1.7: the connection is failed. No Close frame of the peer's was received, so that is
#= not clean (7.1.4).
#@ src/protocol/connection.rs:fail
