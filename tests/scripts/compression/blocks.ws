# A message may have any blocks
#
# RFC 7692, 7.2.3.3: a block without compression, of five bytes.

deflate takeover

> text rsv1 hex 00 05 00 fa ff 48 65 6c 6c 6f 00
event text "Hello"

# 7.2.3.4: a block with BFINAL set. It ends the DEFLATE stream, but not the message: the byte that
# follows begins an empty block, of which the rest was left out.
> text rsv1 hex f3 48 cd c9 c9 07 00 00
event text "Hello"

# 7.2.3.5: two blocks in one message, with an empty one between them.
> text rsv1 hex f2 48 05 00 00 00 ff ff ca c9 c9 07 00
event text "Hello"

# 7.2.3.6: an empty message is one byte, the beginning of an empty block.
> text rsv1 hex 00
event text ""
