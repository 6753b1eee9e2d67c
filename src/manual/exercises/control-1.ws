# Who answers what
#
# A ping without a payload, a ping with one, and a pong that nobody asked for.

> ping
event ping
< pong
> ping "7"
event ping "7"
< pong "7"
#= RFC 6455, 5.5.3: a pong "must have identical "Application data" as found in the message body of
#= the Ping frame being replied to."
#@ src/protocol/outbox.rs:answer_ping
> pong "7"
event pong "7"
state open
#= RFC 6455, 5.5.3: "A response to an unsolicited Pong frame is not expected."
#@ src/protocol/connection/step.rs:obey
