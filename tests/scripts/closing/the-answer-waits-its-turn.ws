# What was queued before the Close frame is sent before it
#
# RFC 6455, 1.4: the closing handshake is there so that no data is lost without need. So the
# transport is to be closed only when all has been taken, the Close frame last.

transport stalled
send text "important"
> close 1000
event close 1000
state closed
wants nothing
transport flowing
< text "important"
< close 1000
wants shutdown
