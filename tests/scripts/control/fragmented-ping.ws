# Control frames are never fragmented
#
# RFC 6455, 5.5: "All control frames [...] MUST NOT be fragmented." They may come between the
# fragments of a message, and with fragments of their own nobody could tell what a continuation
# continues.

> ping fin=0 "are you "
event violation FragmentedControlFrame
< close 1002 "a control frame is fragmented"
