# What arrives while we wait for the answer
#
# The peer may have sent messages before it saw our Close frame. We cannot answer them any more (RFC
# 6455, 5.5.1), so they are dropped, as a browser drops them; they must still be right, so that the
# Close frame behind them is found. Only a ping is still answered (5.5.2).

echo on
send close 1000
< close 1000
> text "sent before your Close frame arrived"
> binary fin=0 "a long"
> ping
> continuation " story"
< pong
state closing
> close 1000
event close 1000
ended by local 1000 cleanly
