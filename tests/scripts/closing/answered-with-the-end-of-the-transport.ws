# Our Close frame is answered by hanging up
#
# Many a client does so. The connection was closed by us, with our code, but not cleanly: RFC 6455,
# 7.1.4 asks for both Close frames.

send close 1001
< close 1001
> eof
ended by local 1001 uncleanly
