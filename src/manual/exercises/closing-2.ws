# A code that browsers know
#
# Scripts in a browser see 1006 often enough. Here it arrives in a Close frame.

> close 1006
event violation InvalidCloseCode
< close 1002 "a close code that must not be sent"
#= RFC 6455, 7.4.1: 1006 "is a reserved value and MUST NOT be set as a status code in a Close
#= control frame by an endpoint." It means that there was no Close frame, so it cannot be in one.
#@ src/protocol/close.rs:new
