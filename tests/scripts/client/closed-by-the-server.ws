# A client waits for the server to hang up
#
# RFC 6455, 7.1.1: the transport "SHOULD be closed first by the server". So after the closing
# handshake the client sends nothing, does nothing, and waits, but not for ever.

role client

> close 1001 "restart"
event close 1001 "restart"
< close 1001 "restart"
ended by peer 1001 cleanly
wants nothing
timeout in 5s
> eof
wants shutdown
timeout never
