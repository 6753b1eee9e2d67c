# A client must mask its frames
#
# RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
# The bit that tells is the first of the second byte, so the payload need not be awaited.

> hex 81 05
event violation UnmaskedFrame
< close 1002 "a client must mask its frames"
ended by violation UnmaskedFrame 1002 uncleanly
