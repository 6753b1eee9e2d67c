# A wrong byte is noticed when it arrives
#
# RFC 6455, 8.1: who finds that text is not UTF-8 "MUST _Fail the WebSocket Connection_". The header
# here announces 1000 bytes. After the 6th it is plain that this will never be text, and nobody
# needs to wait for the other 994. The code is 1007, "not consistent with the type of the message"
# (RFC 6455, 7.4.1).

> text length=1000 "Hello\xff"
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
ended by violation InvalidUtf8InText 1007 uncleanly
