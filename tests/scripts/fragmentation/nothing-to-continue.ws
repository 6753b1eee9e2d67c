# A continuation of nothing
#
# RFC 6455, 5.4: continuation frames follow a first frame without FIN. Here none went before.

> continuation "lo"
event violation NothingToContinue
< close 1002 "there is no message to continue"
