# One character, one form
#
# c0 af would be a slash, written with a byte too many. Such forms once carried "../" past checks
# that looked for the short one, so UTF-8 (RFC 3629, which RFC 6455, 8.1 refers to) forbids them. c0
# alone gives it away.

> text fin=0 "..\xc0"
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
