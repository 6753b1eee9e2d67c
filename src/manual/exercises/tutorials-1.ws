# The server's code, turned around
#
# A client was made of a tutorial's server: it sends frames as that does.

> hex 81 05 48656c6c6f
event violation UnmaskedFrame
< close 1002 "a client must mask its frames"
#= RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
#= The two directions are not alike.
#@ src/protocol/frame.rs:judge_second_byte
