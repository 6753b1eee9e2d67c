# Read it
#
# The mask is all zeros, so the payload can be read as it stands. An ASCII table helps: `man ascii`.

> hex 81 82 00000000 6f 6b
event text "ok"
#= RFC 6455, 5.2: 81 is FIN and the opcode 1, text. 82 is MASK and a length of 2. Then come four
#= bytes of masking key, and the payload: 6f is "o", 6b is "k".
#@ src/protocol/frame.rs:parse
