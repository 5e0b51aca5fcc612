-- A client has come: knows its device, starts its lease, returns the first that waits for it.
--
-- ARGV[3] device   ARGV[4] process   ARGV[5] lease in ms   ARGV[6] most devices of a room
-- ARGV[7] most messages to return    ARGV[8] most bytes of their texts

local device, max_devices = ARGV[3], tonumber(ARGV[6])

-- What waits in '' goes to the first device that comes, unless a client without deviceId
-- owns it.
local function adopt()
  if seen_until('') then return end
  is_kept('', 0, math.huge)
  if device == '' then return end
  if count_waiting('') > 0 then
    redis.call('RENAME', queue_key(''), queue_key(device))
    redis.call('RENAME', events_key(''), events_key(device))
  end
  local fields = redis.call('HMGET', room_key, 'bytes:', 'resync:')
  if fields[1] then redis.call('HSET', room_key, 'bytes:' .. device, fields[1]) end
  if fields[2] then redis.call('HSET', room_key, 'resync:' .. device, fields[2]) end
  redis.call('HDEL', room_key, 'bytes:', 'resync:')
end

local function make_place()
  local devices = redis.call('ZRANGE', devices_key, 0, -1)
  for _, known in ipairs(devices) do find(known) end
  while redis.call('ZCARD', devices_key) >= max_devices do
    forget(redis.call('ZRANGE', devices_key, 0, 0)[1])
  end
end

if not find(device) then
  make_place()
  adopt()
end
hold(device, ARGV[4], tonumber(ARGV[5]))
return take_backlog(device, 0, tonumber(ARGV[7]), tonumber(ARGV[8]))
