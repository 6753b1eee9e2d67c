# 256 bytes of binary data in a single unmasked frame
#
# The fifth example of RFC 6455, 5.7. 256 does not fit into seven bits, so the length there is 126
# and the two bytes behind it are the length: 01 00.

role client

> hex 82 7e 01 00
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
> hex 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a 2a2a2a2a2a2a2a2a
event binary "*" * 256
