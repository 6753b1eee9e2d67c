# With a bit, and without
#
# permessage-deflate was agreed on. Both frames hold the same seven bytes. The first message is the
# example of RFC 7692, 7.2.3.1; the second is binary, so that any bytes will do.

deflate takeover

> text rsv1 hex f2 48 cd c9 c9 07 00
event text "Hello"
#= RFC 7692, 7.2.3.1: RSV1 says that the message is compressed.
#@ src/protocol/connection/step.rs:data_piece
> binary hex f2 48 cd c9 c9 07 00
event binary hex f2 48 cd c9 c9 07 00
#= RFC 7692, 6.1: a sender may choose for each message. Without RSV1 the payload is what it is.
#@ src/protocol/connection/step.rs:data_piece
