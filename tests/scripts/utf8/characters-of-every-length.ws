# Text is UTF-8
#
# RFC 6455, 5.6: the payload of a text message is "text data encoded as UTF-8". Characters have one
# to four bytes there: a, ü, 你, 🎉.

echo on

> text "aü你🎉"
event text "aü你🎉"
< text "aü你🎉"

# The same, byte by byte.
> text hex 61 c3bc e4bda0 f09f8e89
event text "aü你🎉"
< text "aü你🎉"
