# A key of zeros is a key
#
# It is a bad one: RFC 6455, 10.3 wants keys that nobody can predict, so that no page can choose the
# bytes on the wire. But a receiver cannot tell chance from carelessness, and takes it.

> hex 81 85 00000000 48656c6c6f
event text "Hello"
state open
