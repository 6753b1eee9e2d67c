# A continuation of what has ended
#
# The same, RFC 6455, 5.4, after a message. A server that kept the old message here would append to
# what it has already delivered.

> text fin=0 "Hel"
> continuation "lo"
event text "Hello"
> continuation fin=0 "!"
event violation NothingToContinue
< close 1002 "there is no message to continue"
