# Fragments of nothing, for ever
#
# They are legal, and a message of them never grows, so no limit on its size ends it. But each costs
# us work. RFC 6455, 10.4 leaves it to the implementation: 256 in a row are enough, and here it is
# 3. The code is 1008, since no rule of the protocol was broken, but one of ours.

limit max_empty_fragments 3

> text fin=0
> continuation fin=0
> continuation fin=0
> continuation fin=0 "something"     # begins the count anew
> continuation fin=0
> continuation fin=0
> continuation fin=0
state open
> continuation fin=0
event violation TooManyEmptyFragments
< close 1008 "too many empty fragments in a row"
