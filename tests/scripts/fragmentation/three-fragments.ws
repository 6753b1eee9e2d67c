# A message in three frames
#
# RFC 6455, 5.4: the first has the opcode of the message, the others have 0, and the last alone has
# FIN. So a sender can begin before it knows where it will end.

echo on

> text fin=0 "one, "
> continuation fin=0 "two, "
> continuation "three"
event text "one, two, three"
< text "one, two, three"            # the answer need not be cut likewise

> binary fin=0 hex 00 01
> continuation hex fe ff
event binary hex 00 01 fe ff
< binary hex 00 01 fe ff
