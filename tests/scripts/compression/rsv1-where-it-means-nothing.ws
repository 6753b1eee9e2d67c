# RSV1 stands on the first frame only
#
# RFC 7692, 6.1: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and
# non-first fragments of a data message." There RSV1 means nothing, so RFC 6455, 5.2, forbids it.

deflate takeover

> text rsv1 fin=0 hex f2 48 cd
> continuation rsv1 hex c9 c9 07 00
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
