# A message may not end inside a character
#
# RFC 6455, 5.6: "the whole message MUST contain valid UTF-8." Up to here nothing was wrong, but no
# byte of this message can come any more.

> text fin=0 "caf\xc3"
> continuation
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
