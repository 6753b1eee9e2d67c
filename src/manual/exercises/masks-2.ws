# From the other end
#
# This connection is a client's: what arrives was sent by a server.

role client

> text mask=none "one"
event text "one"
#= RFC 6455, 5.1: "A server MUST NOT mask any frames that it sends to the client."
#@ src/protocol/frame.rs:judge_second_byte
> text mask=01020304 "two"
event violation MaskedFrame
< close 1002 "a server must not mask its frames"
#= RFC 6455, 5.1: "A client MUST close a connection if it detects a masked frame. In this case, it
#= MAY use the status code 1002".
#@ src/protocol/frame.rs:judge_second_byte
