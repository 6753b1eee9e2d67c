# And if the server does not hang up
#
# RFC 6455, 7.1.1: "after a reasonable amount of time" the client "MAY initiate the TCP Close". That it
# was closed cleanly was settled by the Close frames, and stays so.

role client

send close 1000
< close 1000
> close 1000
event close 1000
wants nothing
wait 5s
wants drop
ended by local 1000 cleanly
