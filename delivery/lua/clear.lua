-- Drops all that waits for a device. Returns how many messages that were.
--
-- ARGV[3] device

local device = ARGV[3]
return find(device) and remove_all(device) or 0
