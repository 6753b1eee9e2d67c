# Who does not read is not written to without end
#
# What waits to be sent is memory too: RFC 6455, 10.4. Once the limit is reached no message is taken
# any more. It is for the application (or the server around it) to say what then; a Close frame
# always has room.

limit outbox 16
transport stalled

send text "sixteen bytes with header"
send text "one more"
refused full
send close 1013 "you read too slowly"
send text "one more"
refused closed
transport flowing
< text "sixteen bytes with header"
< close 1013 "you read too slowly"
state closing
