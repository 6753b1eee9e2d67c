# Silence is asked about
#
# A peer may vanish without a word: a laptop closed, a train in a tunnel. TCP would not notice for
# hours. So after 25 seconds of silence a ping is sent, RFC 6455, 5.5.2: it "may serve either as a
# keepalive or as a means to verify that the remote endpoint is still responsive."

timeout in 25s
wait 25s
< ping
timeout in 10s

# The answer starts the time anew. So would any other byte.
wait 9s
> pong
event pong
timeout in 25s
wait 25s
< ping

# No answer this time. There is nobody to send a Close frame to.
wait 10s
state closed
ended by silence uncleanly
wants drop
timeout never
