# The transport ends without a Close frame
#
# RFC 6455, 7.1.5: then the close code "is considered to be 1006". That is not clean (7.1.4): the
# peer cannot know how much of what it sent was read.

> text fin=0 "unfin"
> eof
state closed
ended by transport uncleanly
wants shutdown
