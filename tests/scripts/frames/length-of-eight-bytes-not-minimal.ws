# A middling length in the longest form
#
# As before, RFC 6455, 5.2: 65535 fits into two bytes, so it may not stand in eight.

> hex 82 ff 00 00 00 00 00 00 ff ff
event violation LengthNotMinimal
< close 1002 "a length is not in its shortest form"
