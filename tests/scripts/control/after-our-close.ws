# A ping is answered after our Close frame too
#
# RFC 6455, 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response,
# unless it already received a Close frame." Ours does not matter: 5.5.1 forbids *data* frames
# behind it, and a pong is a control frame. The application hears of nothing any more.

send close 1001 "maintenance"
< close 1001 "maintenance"
> ping "wait!"
< pong "wait!"
> close 1001
event close 1001
ended by local 1001 cleanly
