# The first fragment decides what the others are
#
# A continuation frame says nothing about its payload, RFC 6455, 5.4: it is text because the message
# began as text. A check that looks at the opcode of each frame lets this one through.

> binary fin=0 "\xff"
> continuation "\xff"
event binary hex ff ff

> text fin=0 "Hel"
> continuation "\xfflo"
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
