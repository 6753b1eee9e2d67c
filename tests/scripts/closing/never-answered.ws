# Our Close frame is never answered
#
# A peer that has gone away does not answer, and one that means harm does not either. RFC 6455,
# 7.1.1 sets no deadline, but allows to close the transport "via any means available when
# necessary"; here that is after five seconds. That messages keep coming is no excuse.

send close 1001
< close 1001
wait 4s
> text "just one moment"
timeout in 1s
state closing
wait 1s
ended by local 1001 uncleanly
wants drop
