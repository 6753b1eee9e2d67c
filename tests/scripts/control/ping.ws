# A ping is answered with what it carried
#
# RFC 6455, 5.5.2: upon a ping an endpoint "MUST send a Pong frame in response", and 5.5.3: with the
# same payload. The application need not do anything.

> ping "are you there?"
event ping "are you there?"
< pong "are you there?"

> ping
event ping
< pong

> ping "x" * 125
event ping "x" * 125
< pong "x" * 125
state open
