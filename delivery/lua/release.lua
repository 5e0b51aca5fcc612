-- The last client of a process has gone: from here on the time of its messages runs, unless
-- another process still holds the device.
--
-- ARGV[3] device   ARGV[4] process

local device = ARGV[3]
if find(device) then let_go(device, ARGV[4]) end
return 0
