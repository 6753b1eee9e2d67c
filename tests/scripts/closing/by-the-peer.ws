# The peer closes
#
# RFC 6455, 5.5.1: who receives a Close frame and has not sent one "MUST send a Close frame in
# response." The answer "typically echos the status code". Then the server closes the transport,
# 7.1.1, as soon as the answer is on its way. That it is the server who closes first keeps the
# TIME_WAIT state of TCP away from the client.

> close 1000 "bye"
event close 1000 "bye"
< close 1000 "bye"
state closed
ended by peer 1000 cleanly
wants shutdown
timeout never
