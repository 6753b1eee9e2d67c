# A fragment may end inside a character
#
# RFC 6455, 5.6: "a particular text frame might include a partial UTF-8 sequence; however, the whole
# message MUST contain valid UTF-8." So the first bytes of a character are kept until the next
# fragment brings the others. Ping payloads have nothing to do with it.

> text fin=0 "party \xf0\x9f"
> ping hex ff
> continuation fin=0
> continuation fin=0 "\x8e"
> continuation "\x89!"
event ping hex ff
< pong hex ff
event text "party 🎉!"
