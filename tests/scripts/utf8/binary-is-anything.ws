# Binary messages may hold anything
#
# RFC 6455, 5.6: what binary data means is for the application to say. The same holds for pings and
# pongs.

echo on

> binary hex 00 c0 ff fe
event binary hex 00 c0 ff fe
< binary hex 00 c0 ff fe
> pong hex c0 ff
event pong hex c0 ff
