# After our Close frame no ping is answered
#
# RFC 6455, 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
# A pong is no data frame, but the peer has been told that nothing will follow; here nothing
# follows.

send close 1001 "maintenance"
< close 1001 "maintenance"
> ping "wait!"
> close 1001
event close 1001
ended by local 1001 cleanly
