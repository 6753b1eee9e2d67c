# Must we wait?
#
# The header announces 1000 bytes. These five are here; 28 is an opening parenthesis.

> text length=1000 "caf\xc3\x28"
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
#= RFC 6455, 8.1: behind c3 must come a byte from 80 to bf. No byte that may still come can mend
#= that, so the connection is failed now, with 1007 (7.4.1).
#@ src/protocol/utf8.rs:push
