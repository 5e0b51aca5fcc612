-- Drops all that waits for a device; its client is to reload, now or when it comes back.
-- Returns {1 if there is such a device, the room's epoch, the room's seq}.
--
-- ARGV[3] device

local device = ARGV[3]
local is_known = find(device) ~= nil
if is_known then give_up(device, 'requested') end
local state = redis.call('HMGET', room_key, 'epoch', 'seq')
return { is_known and 1 or 0, state[1] or '', tonumber(state[2]) or 0 }
