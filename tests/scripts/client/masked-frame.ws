# A server must not mask its frames
#
# RFC 6455, 5.1: "A server MUST NOT mask any frames that it sends to the client. A client MUST close
# a connection if it detects a masked frame." What the client sends, it masks: also the Close frame
# that complains.

role client

> text mask=37fa213d "Hello"
event violation MaskedFrame
< close 1002 "a server must not mask its frames"
ended by violation MaskedFrame 1002 uncleanly
wants shutdown
