-- Returns what waits for a device after a seq; nothing if it is not known.
--
-- ARGV[3] device   ARGV[4] seq   ARGV[5] most messages   ARGV[6] most bytes of their texts

local device = ARGV[3]
if not find(device) then return backlog_head('', false) end
return take_backlog(device, ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
