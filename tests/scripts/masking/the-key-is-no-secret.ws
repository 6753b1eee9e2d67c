# The key travels with the frame
#
# Masking hides nothing (RFC 6455, 10.3): who sees the frame sees the key. Here the key is the
# payload, so all bytes on the wire behind it are zeros.

> hex 81 84 57454243 00000000
event text "WEBC"
