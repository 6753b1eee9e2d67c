# And each fragment
#
# RFC 6455, 5.1 again. The first fragment was right; that does not excuse the second.

> text fin=0 "Hel"
> continuation mask=none "lo"
event violation UnmaskedFrame
< close 1002 "a client must mask its frames"
