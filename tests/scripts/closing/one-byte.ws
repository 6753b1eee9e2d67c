# Half a code
#
# RFC 6455, 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
# integer".

> close hex 03
event violation CloseBodyOfOneByte
< close 1002 "a close body of one byte"
