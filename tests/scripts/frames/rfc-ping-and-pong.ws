# An unmasked ping, and the masked pong that answers it
#
# The fourth example of RFC 6455, 5.7: the server asks, the client answers with the same payload.
# The pong has another opcode and a mask, and is else the same.

role client

> hex 89 05 48 65 6c 6c 6f
event ping "Hello"
< hex 8a 85 37fa213d 7f9f4d5158
