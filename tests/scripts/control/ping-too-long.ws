# Control frames are short
#
# RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less". The second
# byte tells: what is longer has 126 or 127 in place of the length.

> hex 89 fe
event violation ControlFrameTooLong
< close 1002 "a control frame is over 125 bytes"
