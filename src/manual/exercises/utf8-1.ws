# Half a character
#
# c3 begins a character of two bytes. Here the other one is in the next fragment.

> text fin=0 "na\xc3"
> continuation "\xafve"
event text "naïve"
#= RFC 6455, 5.6: "a particular text frame might include a partial UTF-8 sequence". Only the whole
#= message must be UTF-8: c3 af is one character.
#@ src/protocol/utf8.rs:complete_with
