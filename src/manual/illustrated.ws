# An illustrated connection
#
# A client says hello, and hears it back. It sends a message in two pieces, with a ping in between,
# and says goodbye. The key of the handshake, the masking key and the words are those of the examples
# in RFC 6455, 1.3 and 5.7.

echo on

# The client sends a text message.
#
# This is the second example of RFC 6455, 5.7. The payload is masked: each byte was XORed with a byte
# of the key, and the key travels with the frame. A real client makes a new key for each frame. Here it
# is always the RFC's, so that you can check with the RFC in hand.
> text "Hello"
event text "Hello"

# The server's application sends each message back.
#
# It is the first example of RFC 6455, 5.7. A server must not mask, so the letters can be read on the
# wire. The frame is four bytes shorter: there is no key.
< text "Hello"

# The client begins a message, and does not say how long it will be.
#
# FIN is clear: there is more to come. The opcode says already that it will be text. Nothing is told to
# the application yet.
> text fin=0 "Hel"

# In the middle of it, the client asks whether the server is there.
#
# A control frame may pass between the fragments of a message: RFC 6455, 5.4. So a question need not
# wait for the end of a long message.
> ping "Hello"
event ping "Hello"

# The server answers at once.
#
# It is a pong with the same payload. To make it, a server changes one digit of the ping, and takes the
# mask away: RFC 6455, 5.5.3.
< pong "Hello"

# The client ends its message.
#
# The opcode is 0, continuation: only the first fragment says what the message is. FIN is set. Now the
# application hears of it, once and whole.
> continuation "lo"
event text "Hello"

# The echo comes in one frame.
#
# How a message was cut means nothing: RFC 6455, 5.4. Nobody has to cut it likewise.
< text "Hello"

# The client is done, and closes.
#
# The first two bytes of the payload are a code, high byte first: 03 e8 is 1000. A reason may follow,
# in UTF-8: RFC 6455, 5.5.1.
> close 1000 "bye"
event close 1000 "bye"

# The server agrees, with a Close frame of its own.
#
# Both have said that they will send nothing more, so nothing was lost: the end is clean. Now the
# server, and not the client, closes the TCP connection first: RFC 6455, 7.1.1.
< close 1000 "bye"
ended by peer 1000 cleanly
wants shutdown
