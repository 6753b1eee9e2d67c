# The key, again from its beginning?
#
# Two fragments with the same key. Which byte of it comes first in the second?

> hex 01 83 01020304 60 60 60
> hex 80 82 01020304 65 67
event text "abcde"
#= RFC 6455, 5.3: the index counts from the beginning of each frame's payload, so the second
#= fragment begins with 01 again: 65 XOR 01 is 64, "d". Who goes on with 04 reads "a".
#@ src/protocol/masking.rs:apply_mask
