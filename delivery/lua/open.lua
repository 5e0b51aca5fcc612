-- A client is there: knows its device, as `know` does, and returns the first that waits for it.
--
-- ARGV[3] device   ARGV[4...7] see lost.lua   ARGV[8] process   ARGV[9] lease in ms
-- ARGV[10] most devices of a room   ARGV[11] most messages to return
-- ARGV[12] most bytes of their texts

local device = ARGV[3]
note_lost_state(device)
know(device, ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]))
return take_backlog(device, 0, tonumber(ARGV[11]), tonumber(ARGV[12]))
