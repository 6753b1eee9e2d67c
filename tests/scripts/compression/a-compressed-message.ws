# A compressed message
#
# RFC 7692, 7.2.3.1. RSV1 says that the message is compressed. Its payload is a DEFLATE stream whose
# last four bytes, 00 00 ff ff, are left out: they are the same for all messages.

deflate takeover

> text rsv1 hex f2 48 cd c9 c9 07 00
event text "Hello"

# Nobody must compress. Without RSV1 the payload is what it looks like.
> text "Hello"
event text "Hello"

# 7.2.3.1: in fragments too, only the first frame says so.
> text rsv1 fin=0 hex f2 48 cd
> continuation hex c9 c9 07 00
event text "Hello"
