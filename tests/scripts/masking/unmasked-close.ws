# Also a Close frame must be masked
#
# RFC 6455, 5.1 makes no exception for control frames. So this one is no Close frame that could be
# answered, but an error.

> close mask=none 1000
event violation UnmaskedFrame
< close 1002 "a client must mask its frames"
