# Also a close reason is UTF-8
#
# RFC 6455, 5.5.1: the body may hold "UTF-8-encoded data" behind the code. What is wrong there is
# answered like wrong text.

> close 1000 "by\xff"
event violation InvalidUtf8InCloseReason
< close 1007 "a close reason is not valid UTF-8"
