# A bomb
#
# RFC 7692, 8. A hundred thousand zeros are about a hundred bytes of DEFLATE. What counts against the limit is what they
# inflate to, and it counts while they inflate: the rest is never made.

deflate takeover
limit max_message 65536

> binary rsv1 hex ec c1 31 01 00 00 00 c2 a0 f5 4f 6d 0d 0f a0 "\x00" * 96 hex 80 57 03
event violation MessageTooBig
< close 1009 "a message is over the limit"
