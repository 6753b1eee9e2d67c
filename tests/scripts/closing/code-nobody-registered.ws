# A code that means nothing
#
# RFC 6455, 7.4.2: 1000 to 2999 are for the protocol itself, and what is not yet defined there may
# not be used.

> close 1016
event violation InvalidCloseCode
< close 1002 "a close code that must not be sent"
