# Which end first?
#
# The second byte, fe, is MASK and 126: the length stands in the two bytes behind it. Whether they
# say 1 or 256 is the question. A message may have 200 bytes here.

limit max_message 200

> hex 82 fe 01 00
event violation MessageTooBig
< close 1009 "a message is over the limit"
#= RFC 6455, 5.2: "Multibyte length quantities are expressed in network byte order": the first is
#= the high one, so 01 00 is 256. That is over the limit (10.4, code 1009), and the header says so
#= before the payload is there.
#@ src/protocol/frame.rs:parse_length
