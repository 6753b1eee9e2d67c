# A Close frame may be empty
#
# RFC 6455, 7.1.5: without a code the close code "is considered to be 1005". That number is only for
# reports inside an endpoint; the answer on the wire is as empty as the question.

> close
event close
< close
ended by peer cleanly
