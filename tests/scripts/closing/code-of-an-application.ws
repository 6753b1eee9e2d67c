# Codes of one's own
#
# RFC 6455, 7.4.2: 3000 to 3999 can be registered by libraries and applications, 4000 to 4999 are
# "reserved for private use" and mean what both ends have agreed upon.

> close 4321 "table full"
event close 4321 "table full"
< close 4321 "table full"
ended by peer 4321 cleanly
