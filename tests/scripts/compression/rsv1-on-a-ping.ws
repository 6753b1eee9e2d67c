# A control frame is never compressed
#
# RFC 7692, 6.1, and 5: extensions of this kind work on data messages.

deflate takeover

> ping rsv1 hex f2 48 cd c9 c9 07 00
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
