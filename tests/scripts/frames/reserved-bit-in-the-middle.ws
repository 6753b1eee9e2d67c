# A reserved bit is as wrong on a later fragment
#
# RFC 6455, 5.2 speaks of every frame. (And RFC 7692, which gives RSV1 a meaning, gives it one on
# the first fragment only.)

> text fin=0 "Hel"
> continuation rsv2 "lo"
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
