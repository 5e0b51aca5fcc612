-- Knowing a device: for the scripts that a client comes with.

-- What waits in '' goes to the first device that comes, unless a client without deviceId
-- owns it.
local function adopt(device)
  if seen_until('') then return end
  is_kept('', 0, math.huge)
  if device == '' then return end
  for _, key_of in ipairs({ queue_key, events_key }) do
    local key = key_of('')
    if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, key_of(device)) end
  end
  local kinds = { 'bytes:', 'resync:', 'drops:' }
  for i, field in ipairs(redis.call('HMGET', room_key, unpack(kinds))) do
    if field then redis.call('HSET', room_key, kinds[i] .. device, field) end
  end
  redis.call('HDEL', room_key, unpack(kinds))
end

local function make_place(max_devices)
  local devices = redis.call('ZRANGE', devices_key, 0, -1)
  for _, known in ipairs(devices) do find(known) end
  while redis.call('ZCARD', devices_key) >= max_devices do
    forget(redis.call('ZRANGE', devices_key, 0, 0)[1])
  end
end

-- From here on what is sent to the room is stored for the device.
local function know(device, process, lease_ms, max_devices)
  if not find(device) then
    make_place(max_devices)
    adopt(device)
  end
  hold(device, process, lease_ms)
end

