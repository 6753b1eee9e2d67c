# A message may be empty
#
# Nothing in RFC 6455, 5.2 or 5.6 says that there must be a payload. The masking key is there all
# the same, and masks nothing.

echo on

> hex 81 80 37fa213d
event text ""
< hex 81 00

> binary
event binary ""
< hex 82 00
state open
