# Messages are not woven into each other
#
# RFC 6455, 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of
# another message unless an extension has been negotiated that can interpret the interleaving."

> text fin=0 "first, "
> binary "second"
event violation MessageUnfinished
< close 1002 "the message before is unfinished"
