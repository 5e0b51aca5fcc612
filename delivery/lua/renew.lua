-- Extends a lease. Returns {epoch, seq, 1 if the device is known}; a device that was evicted
-- or lost is left alone, as its client must be told first.
--
-- ARGV[3] device   ARGV[4...7] see lost.lua   ARGV[8] process   ARGV[9] lease in ms

local device = ARGV[3]
note_lost_state(device)
local is_known = find(device) ~= nil
if is_known then hold(device, ARGV[8], tonumber(ARGV[9])) end
local state = redis.call('HMGET', room_key, 'epoch', 'seq')
return { state[1] or '', tonumber(state[2]) or 0, is_known and 1 or 0 }
