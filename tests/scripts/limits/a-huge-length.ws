# 2^63 - 1 bytes are announced
#
# RFC 6455, 5.2 allows them. Servers have died of adding this to what they had already and finding
# the sum negative, or of reserving the memory at once. Compare (RFC 6455, 10.4), and do neither.

> binary fin=0 "two bytes and"
> continuation length=9223372036854775807
event violation MessageTooBig
< close 1009 "a message is over the limit"
