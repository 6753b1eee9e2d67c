# A control opcode that does not exist
#
# Its highest bit says that it is a control frame, RFC 6455, 5.5, and nothing says which. One byte
# is enough to know that; the rest of the frame has not even arrived here.

> hex 8b
event violation ReservedOpcode
< close 1002 "a reserved opcode"
state closed
