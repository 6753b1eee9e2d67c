# A short length in the long form
#
# RFC 6455, 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length". So
# no two byte sequences mean the same header, and nobody can hide one length from a proxy behind
# another.

> hex 81 fe 00 05 37fa213d 7f9f4d5158     # 5, in two bytes
event violation LengthNotMinimal
< close 1002 "a length is not in its shortest form"
