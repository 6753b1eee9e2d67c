# A message over the limit is refused before it arrives
#
# RFC 6455, 10.4 recommends limits on frames and on reassembled messages, and 7.4.1 has a code for
# it: 1009. The header announces the length, so no byte of the payload is awaited, and nothing is
# ever reserved for it.

limit max_message 16

> text "exactly sixteen!"
event text "exactly sixteen!"

> text length=17
event violation MessageTooBig
< close 1009 "a message is over the limit"
