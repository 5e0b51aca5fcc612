-- Extends a lease. Returns {epoch, seq, 1 if the device is known}; a device that was evicted
-- or lost is left alone, as its client must be told first.
--
-- ARGV[3] device   ARGV[4] process   ARGV[5] lease in ms

local device = ARGV[3]
local is_known = find(device) ~= nil
if is_known then hold(device, ARGV[4], tonumber(ARGV[5])) end
local state = redis.call('HMGET', room_key, 'epoch', 'seq')
return { state[1] or '', tonumber(state[2]) or 0, is_known and 1 or 0 }
