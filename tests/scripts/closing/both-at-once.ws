# Both close at once
#
# RFC 6455, 5.5.1: if both send a Close frame "at the same time", both have sent and received one
# and the connection is closed. The two Close frames pass each other on the wire. Each is the answer
# to the other, and no third is sent.

transport stalled
send close 1001 "maintenance"
> close 1000 "bye"
event close 1000 "bye"
transport flowing
< close 1001 "maintenance"
ended by local 1001 cleanly
