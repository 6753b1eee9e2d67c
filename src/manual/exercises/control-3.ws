# Nobody there
#
# Nothing arrives. The limits are those of wigwag: a ping after 25 seconds, then 10 to answer it.

timeout in 25s
wait 25s
< ping
timeout in 10s
#= RFC 6455, 5.5.2: a ping may serve as "a means to verify that the remote endpoint is still
#= responsive." When to send it is for the endpoint to say; the defaults stand in Limits.
#@ src/protocol/connection.rs:handle_timeout
wait 10s
ended by silence uncleanly
wants drop
#= RFC 6455, 7.1.4: without Close frames the end is not clean. Who does not answer a ping would not
#= read a Close frame, so none is sent, and the transport is dropped.
#@ src/protocol/connection.rs:handle_timeout
