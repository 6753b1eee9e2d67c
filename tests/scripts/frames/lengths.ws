# The three forms of a length
#
# RFC 6455, 5.2: up to 125 a length stands in seven bits; up to 65535 in the two bytes behind; else
# in eight. What is sent back shows that both directions count alike.

echo on

> binary "a" * 125
event binary "a" * 125
< hex 82 7d
< hex 6161616161 6161616161 6161616161 6161616161 6161616161
< hex 6161616161 6161616161 6161616161 6161616161 6161616161
< hex 6161616161 6161616161 6161616161 6161616161 6161616161
< hex 6161616161 6161616161 6161616161 6161616161 6161616161
< hex 6161616161 6161616161 6161616161 6161616161 6161616161

> binary "b" * 126
event binary "b" * 126
< binary "b" * 126

> binary "c" * 65535
event binary "c" * 65535
< binary "c" * 65535

> binary "d" * 65536
event binary "d" * 65536
< binary "d" * 65536
