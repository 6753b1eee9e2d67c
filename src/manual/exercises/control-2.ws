# Two bytes tell
#
# 89 is FIN and a ping. fe is MASK and 126. No more has arrived.

> hex 89 fe
event violation ControlFrameTooLong
< close 1002 "a control frame is over 125 bytes"
#= RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less". 126 in this
#= place announces a longer one; how long does not matter any more.
#@ src/protocol/frame.rs:judge_second_byte
