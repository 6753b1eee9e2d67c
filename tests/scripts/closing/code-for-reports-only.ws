# A code that must not be sent
#
# RFC 6455, 7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame by
# an endpoint." A browser shows 1006 when a connection broke without a Close frame; nobody could
# have sent that.

> close 1006 "the connection broke"
event violation InvalidCloseCode
< close 1002 "a close code that must not be sent"
