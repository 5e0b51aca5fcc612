-- Stores one message for each device of a room.
-- Returns {epoch, seq, id, id of the message before it, overflowed device, ...}.
--
-- KEYS[2]  optional: remembers "epoch seq id" of the first call with this idempotency key
-- ARGV[3]  epoch for a room that has none     ARGV[4]  message id
-- ARGV[5]  1 or 0: the message asks for a resync if it is acked out of order
-- ARGV[6]  text, the JSON of [event, ...args] ARGV[7]  bytes of the event's JSON in it
-- ARGV[8]  most messages of a queue           ARGV[9]  most bytes of a queue
-- ARGV[10] seconds that KEYS[2] lives

-- So that the first append after a long silence is not slow; the rest goes with the next.
local EXPIRED_AT_ONCE = 50

local text, event_length = ARGV[6], tonumber(ARGV[7])
local max_messages, max_bytes = tonumber(ARGV[8]), tonumber(ARGV[9])

if KEYS[2] then
  local first = redis.call('GET', KEYS[2])
  if first then
    local epoch, seq, id = string.match(first, '^(%S+) (%d+) (.*)$')
    return { epoch, tonumber(seq), id, '' }
  end
end

local room = redis.call('HMGET', room_key, 'epoch', 'seq', 'last')
local epoch, seq, previous = room[1] or ARGV[3], (tonumber(room[2]) or 0) + 1, room[3] or ''
local fields = { 'epoch', epoch, 'seq', seq, 'last', ARGV[4] }  -- of the room, to be written
local reply = { epoch, seq, ARGV[4], previous }

local function write_fields()
  redis.call('HSET', room_key, unpack(fields))
end

local function store(device, seen)
  local count, bytes = count_waiting(device), #text
  -- The queue may have expired by itself and left its bytes behind.
  if count > 0 then bytes = bytes + redis.call('HGET', room_key, 'bytes:' .. device) end
  if count >= max_messages or bytes > max_bytes then
    write_fields()
    give_up(device, 'overflow')
    reply[#reply + 1] = device
    return
  end
  local head =
    string.format('%d|%s|%s|%d|%s|%d|', seq, ARGV[4], previous, now, ARGV[5], event_length)
  local event = string.sub(text, 2, 1 + event_length)
  redis.call('ZADD', queue_key(device), seq, head .. text)
  redis.call('ZADD', events_key(device), 0, event_entry(event, seq))
  fields[#fields + 1] = 'bytes:' .. device
  fields[#fields + 1] = bytes
  expire_queue(device, seen)
end

local is_anyone_known = false
local devices = redis.call('ZRANGE', devices_key, 0, -1, 'WITHSCORES')
for i = 1, #devices, 2 do
  local device, seen = devices[i], tonumber(devices[i + 1])
  if is_kept(device, seen, EXPIRED_AT_ONCE) then
    is_anyone_known = true
    store(device, seen)
  end
end
if not is_anyone_known then
  is_kept('', 0, EXPIRED_AT_ONCE)
  store('', 0)
end
write_fields()
expire_room(tonumber(devices[#devices]) or 0)
if KEYS[2] then
  redis.call('SET', KEYS[2], string.format('%s %d %s', epoch, seq, ARGV[4]), 'EX', ARGV[10])
end
return reply
