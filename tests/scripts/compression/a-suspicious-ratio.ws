# A message that inflates too well
#
# Where long messages are allowed, so are large bombs. Text does not shrink to a five-hundredth; what
# inflates to more than 512 times its size, and to a lot, is taken for one: RFC 7692, 8.

deflate takeover
limit max_message 16777216

> binary rsv1 hex ec c1 01 01 00 00 00 82 20 ff af 6e 48 40 01 "\x00" * 2906 hex 2f 06
event violation CompressionRatioTooHigh
< close 1009 "a message inflates suspiciously"
