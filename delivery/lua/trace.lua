-- Where one message of a room is. Changes nothing. Returns {now, the room's epoch, device, ...},
-- each device as {id, seen_until, when the message that waits for it was stored or 0, when it was
-- dropped or 0, why}.
--
-- ARGV[3] message id   ARGV[4] its seq

local function stored_at(device)
  local member = redis.call('ZRANGEBYSCORE', queue_key(device), ARGV[4], ARGV[4])[1]
  if not member or string.match(member, '^%d+|([^|]*)|') ~= ARGV[3] then return 0 end
  return stored_ms(member)
end

-- The oldest of the drops that went as far as the message.
local function dropped_at(device)
  local at, why = 0, ''
  local drops = redis.call('HGET', room_key, 'drops:' .. device) or ''
  for ms, seq, reason in string.gmatch(drops, '(%d+):(%d+):([%l_]+);') do
    if tonumber(seq) >= tonumber(ARGV[4]) then
      at, why = tonumber(ms), reason
    end
  end
  return at, why
end

local reply = { now, redis.call('HGET', room_key, 'epoch') or '' }
local function add(device, seen)
  local at, why = dropped_at(device)
  local stored = stored_at(device)
  if seen or stored > 0 or at > 0 then
    reply[#reply + 1] = { device, seen or 0, stored, at, why }
  end
end

local devices = redis.call('ZRANGE', devices_key, 0, -1, 'WITHSCORES')
for i = 1, #devices, 2 do add(devices[i], tonumber(devices[i + 1])) end
if not seen_until('') then add('', nil) end
return reply
