# A fragmented unmasked text message
#
# The third example of RFC 6455, 5.7. The first fragment has the opcode and no FIN, the last one has
# FIN and the opcode 0, continuation. The message is both payloads, one behind the other.

role client

> hex 01 03 48 65 6c    # "Hel"
> hex 80 02 6c 6f       # "lo"
event text "Hello"
state open
