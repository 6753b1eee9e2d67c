# Only the first fragment says what the message is
#
# A frequent mistake: the opcode of the message on each of its fragments. RFC 6455, 5.4 wants 0 on
# all but the first; a second text frame is a second message, and the first one has not ended.

> text fin=0 "Hel"
> text "lo"
event violation MessageUnfinished
< close 1002 "the message before is unfinished"
