# A single-frame unmasked text message
#
# The first example of RFC 6455, 5.7, from the server to the client, so it is told from the client's
# end. Without a mask the payload can be read on the wire: 48 65 6c 6c 6f is "Hello".

role client

> hex 81 05 48 65 6c 6c 6f
event text "Hello"
state open
