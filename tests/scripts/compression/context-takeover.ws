# What came before can be referred to
#
# RFC 7692, 7.2.3.2. With context takeover the sender's DEFLATE stream goes on from message to message.
# The second "Hello" is only a reference to the first: five bytes instead of seven.

deflate takeover

> text rsv1 hex f2 48 cd c9 c9 07 00
event text "Hello"
> text rsv1 hex f2 00 11 00 00
event text "Hello"
