# A reserved bit means nothing yet
#
# RFC 6455, 5.2: RSV1, RSV2 and RSV3 "MUST be 0 unless an extension is negotiated that defines
# meanings for non-zero values." No extension was negotiated here. If a receiver ignored the bit, it
# would take, say, a compressed message for an ordinary one.

> text rsv1 "Hello"
event violation ReservedBits
< close 1002 "a reserved bit is set without an extension"
ended by violation ReservedBits 1002 uncleanly

# RFC 6455, 7.1.7: after that an endpoint "MUST NOT continue to attempt to process data".
> text "Hello?"
wants shutdown
