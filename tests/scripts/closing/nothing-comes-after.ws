# Nothing comes after a Close frame
#
# RFC 6455, 5.5.1: no more data may be sent after it. What a peer sends all the same is discarded,
# right or wrong: 1.4, it "discards any further data received."

> close 1000
> text "one more thing"
> hex ff ff ff ff
event close 1000
< close 1000
> close 1000
> eof
ended by peer 1000 cleanly

# And we cannot send any more either.
send text "one more thing"
refused closed
