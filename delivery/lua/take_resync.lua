-- Returns why a device's copy is wrong, '' = it is not, and takes that as told.
--
-- ARGV[3] device

local device = ARGV[3]
return find(device) and take_resync(device) or ''
