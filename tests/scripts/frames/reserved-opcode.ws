# An opcode that does not exist
#
# RFC 6455, 5.2: 3 to 7 are reserved for kinds of data and 11 to 15 for kinds of control frames. "If
# an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."

> opcode 3 "Hello"
event violation ReservedOpcode
< close 1002 "a reserved opcode"
