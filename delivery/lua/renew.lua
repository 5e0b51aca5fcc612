-- Extends a lease. Returns {epoch, seq, 1 if the device is known, messages that wait for it}; a
-- device that was evicted or lost is left alone, as its client must be told first. Where several
-- processes hold the device, one of them is told what waits, the others 0: they are added up.
--
-- ARGV[3] device   ARGV[4...7] see lost.lua   ARGV[8] process   ARGV[9] lease in ms

local function is_first_holder(device, process)
  for _, holder in ipairs(redis.call('ZRANGE', holders_key(device), 0, -1)) do
    if holder < process then return false end
  end
  return true
end

local device = ARGV[3]
note_lost_state(device)
local is_known = find(device) ~= nil
if is_known then hold(device, ARGV[8], tonumber(ARGV[9])) end
local state = redis.call('HMGET', room_key, 'epoch', 'seq')
local waiting = is_known and is_first_holder(device, ARGV[8]) and count_waiting(device) or 0
return { state[1] or '', tonumber(state[2]) or 0, is_known and 1 or 0, waiting }
