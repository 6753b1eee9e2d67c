# A Close frame may come in the middle of a message
#
# It is a control frame, so RFC 6455, 5.4 lets it pass between fragments. The message stays
# unfinished for ever, and what there was of it is dropped.

> text fin=0 "I was just going to s"
> close 1001 "page left"
event close 1001 "page left"
< close 1001 "page left"
ended by peer 1001 cleanly
