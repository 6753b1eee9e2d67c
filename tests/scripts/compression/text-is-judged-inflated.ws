# Text must be UTF-8 once it is inflated
#
# RFC 6455, 8.1, speaks of the message, and that is what was compressed. The bytes here inflate to
# c3 28: the beginning of a character, and then something else.

deflate takeover

> text rsv1 hex 3a ac 01 00
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
