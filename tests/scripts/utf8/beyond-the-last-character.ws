# The last character is U+10FFFF
#
# f4 8f bf bf is the last, f4 90 80 80 would be the next. RFC 6455, 8.1 and RFC 3629.

> text hex f4 8f bf bf
event text hex f4 8f bf bf

> text hex f4 90
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
