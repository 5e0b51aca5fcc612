-- Returns what waits for a device after a seq; nothing if it is not known.
--
-- ARGV[3] device   ARGV[4...7] see lost.lua   ARGV[8] most messages
-- ARGV[9] most bytes of their texts

local device = ARGV[3]
note_lost_state(device)
if not find(device) then return backlog_head('', false) end
return take_backlog(device, ARGV[5], tonumber(ARGV[8]), tonumber(ARGV[9]))
