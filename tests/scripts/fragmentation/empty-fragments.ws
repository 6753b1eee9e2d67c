# Fragments may be empty
#
# Nothing in RFC 6455, 5.4 forbids it. Some senders end a message so, when they find only afterwards
# that there is no more.

> text fin=0
> continuation fin=0 "Hello"
> continuation fin=0
> continuation
event text "Hello"

> text fin=0
> continuation
event text ""
state open
