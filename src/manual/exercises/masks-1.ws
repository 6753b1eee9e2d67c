# By hand
#
# The key is 01 02 03 04. XOR each byte of the payload with one byte of the key.

> hex 81 83 01020304 49 6b 22
event text "Hi!"
#= RFC 6455, 5.3: 49 XOR 01 is 48, "H"; 6b XOR 02 is 69, "i"; 22 XOR 03 is 21, "!".
#@ src/protocol/masking.rs:apply_mask
