-- What a room is like; changes nothing. Returns {now, epoch, seq, device, ...}, each device as
-- {id, 1 if it is online, seen_until, number of waiting messages, their bytes, pending resync
-- reason, {head of a message, number of bytes, ...}}, the longest unseen first. A head is
-- "seq|id|previous|stored_ms|resync|event_length|" and the event's JSON.
--
-- The device '' is there only if something waits for it, or a client without deviceId has come.
--
-- ARGV[3] most messages of the room

local devices = redis.call('ZRANGE', devices_key, 0, -1, 'WITHSCORES')
if not seen_until('') and count_waiting('') > 0 then
  devices[#devices + 1] = ''
  devices[#devices + 1] = '0'
end
local share = math.max(1, math.floor(tonumber(ARGV[3]) / math.max(1, #devices / 2)))

local function heads(device)
  local found = {}
  for _, member in ipairs(redis.call('ZRANGE', queue_key(device), 0, share - 1)) do
    local message = parse(member)
    found[#found + 1] = string.sub(member, 1, #member - message.bytes) .. message.event
    found[#found + 1] = message.bytes
  end
  return found
end

local function is_online(device)
  return redis.call('ZCOUNT', holders_key(device), now, '+inf') > 0
end

local function pending_resync(device)
  local resync = redis.call('HGET', room_key, 'resync:' .. device)
  return resync and string.match(resync, '^%d+:(.*)') or ''
end

local state = redis.call('HMGET', room_key, 'epoch', 'seq')
local reply = { now, state[1] or '', tonumber(state[2]) or 0 }
for i = 1, #devices, 2 do
  local device = devices[i]
  local count = count_waiting(device)
  local bytes = count > 0 and tonumber(redis.call('HGET', room_key, 'bytes:' .. device)) or 0
  reply[#reply + 1] = {
    device, is_online(device) and 1 or 0, tonumber(devices[i + 1]), count, bytes,
    pending_resync(device), heads(device),
  }
end
return reply
