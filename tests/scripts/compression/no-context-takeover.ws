# Without context takeover there is nothing to refer to
#
# RFC 7692, 7.1.1. Each message is a DEFLATE stream of its own, so the receiver keeps nothing between two messages. The
# reference of `context-takeover.ws` points to before the beginning, and that is not DEFLATE.

deflate shared

> text rsv1 hex f2 48 cd c9 c9 07 00
event text "Hello"
> text rsv1 hex f2 00 11 00 00
event violation InvalidCompressedData
< close 1007 "compressed data is not DEFLATE"
ended by violation InvalidCompressedData 1007 uncleanly
