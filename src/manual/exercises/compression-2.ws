# A reference to nothing
#
# The second message says, in DEFLATE: "H", and then go back five bytes and take four. Here it was
# agreed that no context is taken over.

deflate shared

> text rsv1 hex f2 48 cd c9 c9 07 00
event text "Hello"
> text rsv1 hex f2 00 11 00 00
event violation InvalidCompressedData
< close 1007 "compressed data is not DEFLATE"
#= RFC 7692, 7.1.1: without context takeover each message begins with an empty window, and there is
#= nothing to point to. With "deflate takeover" in the second line this is "Hello" again.
#@ src/protocol/deflate.rs:push
