-- Drops all that waits for a device. Returns how many messages that were.
--
-- ARGV[3] device

local device = ARGV[3]
if not find(device) or count_waiting(device) == 0 then return 0 end
note_drop(device, 'cleared')
return remove_all(device)
