# A single-frame masked text message
#
# The second example of RFC 6455, 5.7, from the client to the server:
#
#     81          FIN is set, the opcode is 1 (text)
#     85          MASK is set, the length is 5
#     37fa213d    the masking key
#     7f9f4d5158  "Hello", each byte XORed with a byte of the key

> hex 81 85 37fa213d 7f9f4d5158
event text "Hello"

# The same in the words of these scripts.
> text "Hello"
event text "Hello"
state open
