# A small ping
#
# permessage-deflate was agreed on, so why not compress everything?

deflate takeover

> text fin=0 rsv1 hex f2 48 cd
> ping rsv1 hex f2 48 cd c9 c9 07 00
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
#= RFC 7692, 6.1: the bit MUST NOT be set on control frames, nor on fragments that are not the
#= first. There RSV1 means nothing, and RFC 6455, 5.2, wants it to be 0.
#@ src/protocol/frame.rs:judge_first_byte
