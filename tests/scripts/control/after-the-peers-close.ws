# No ping is answered after the peer's Close frame
#
# RFC 6455, 5.5.2: a ping is answered "unless it already received a Close frame". And 1.4: after
# receiving one, a peer "discards any further data received".

> close 1000
> ping "still there?"
event close 1000
< close 1000
ended by peer 1000 cleanly
wants shutdown
