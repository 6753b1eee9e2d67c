# Halves of characters are no characters
#
# UTF-16 writes 🎉 as two halves, d83c df89. JavaScript strings can hold one alone; UTF-8 cannot.
# After ed comes at most 9f: RFC 6455, 8.1 and RFC 3629.

> text "\xed\xa0"
event violation InvalidUtf8InText
< close 1007 "text is not valid UTF-8"
