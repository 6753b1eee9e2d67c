# 64 KiB of binary data in a single unmasked frame
#
# The last example of RFC 6455, 5.7. 65536 does not fit into two bytes either, so the length is 127
# and then eight bytes: 00 00 00 00 00 01 00 00.

role client

> binary "*" * 65536
event binary "*" * 65536
