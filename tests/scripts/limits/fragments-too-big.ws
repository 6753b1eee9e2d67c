# Fragments count together
#
# RFC 6455, 10.4 speaks of messages "after reassembly from multiple frames". A limit for each frame
# alone would be none.

limit max_message 16

> text fin=0 "exactly "
> continuation "sixteen!"
event text "exactly sixteen!"

> text fin=0 "exactly "
> continuation fin=0 "sixteen"
> continuation length=2
event violation MessageTooBig
< close 1009 "a message is over the limit"
