# A length that some would read as negative
#
# RFC 6455, 5.2: "a 64-bit unsigned integer (the most significant bit MUST be 0)". So it fits into a
# signed integer, too. A server that read the length as signed, did not look at this bit, and got -1
# has spun for ever here. The third byte is enough to refuse it.

> hex 82 ff 80
event violation LengthTopBitSet
< close 1002 "the top bit of a 64-bit length is set"
