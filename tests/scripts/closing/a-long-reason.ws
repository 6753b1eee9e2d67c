# A reason has 123 bytes
#
# A control frame holds 125 (RFC 6455, 5.5), two are for the code. A longer reason of ours is cut
# between two characters: it must be UTF-8 (5.5.1), so half a character would break the protocol.
# Here the 62nd ü would end at byte 124.

send close 1000 "ü" * 100
< close 1000 "ü" * 61
