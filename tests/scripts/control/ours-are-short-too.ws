# We keep the rule as well
#
# RFC 6455, 5.5 again, from the sender's side: a ping over 125 bytes is refused before it is sent.

send ping "x" * 126
refused too-long
send ping "x" * 125
< ping "x" * 125
state open
