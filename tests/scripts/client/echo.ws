# The other end of an echo
#
# The client's frames are masked and the server's are not, RFC 6455, 5.1; all else is the same in
# both directions.

role client

send text "Hello"
< hex 81 85 37fa213d 7f9f4d5158
> text "Hello"
event text "Hello"
send binary
< hex 82 80 37fa213d
