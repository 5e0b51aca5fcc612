-- Stores one message for each device of a room, and announces it to the room's processes, unless
-- no other one than the caller holds a device: the reply tells that one.
-- Returns {epoch, seq, id, id of the message before it, 1 if it was not announced for that,
-- overflowed device, ...}.
--
-- ARGV[3]       most messages of a queue        ARGV[4]       most bytes of a queue
-- ARGV[5]       the caller's process
-- ARGV[6]       what the channels' names begin with, '' = nothing is announced here
-- ARGV[at]      epoch for a room that has none  ARGV[at + 1]  message id
-- ARGV[at + 2]  "resync|event_length|", as it is stored before the text: resync = 1 or 0, the
--               message asks for a resync if it is acked out of order; event_length = bytes of
--               the event's JSON in the text
-- ARGV[at + 3]  text, the JSON of [event, ...args]
-- ARGV[at + 4]  the rest of the name of the room's channel
--
-- Lua hashes each string that it makes, byte by byte: so the text is in as few as can be.

-- So that the first append after a long silence is not slow; the rest goes with the next.
local EXPIRED_AT_ONCE = 50
-- msgpack's map of ten entries, and its text of any length, which follows in four bytes.
local MAP_OF_10, STR32 = 0x8a, 0xdb
local max_messages, max_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local process, channels = ARGV[5], ARGV[6]

-- A process that was hung until its lease was over looks for itself when it goes on.
local function is_held_elsewhere(device)
  local holders = redis.call('ZRANGE', holders_key(device), '0', '1')
  return holders[2] or (holders[1] or process) ~= process
end

local function unquote(name)
  return (string.gsub(name, '%%(%x%x)', function(hex) return string.char(tonumber(hex, 16)) end))
end

-- It is stored, whether this user of Redis may publish or not.
local function announce(channel, text, ...)
  local site, room = string.match(room_key, '{([^/}]*)/([^}]*)}')
  local entries = cmsgpack.pack(
    'type', 'stored', 'site', unquote(site), 'room', unquote(room), ...)
  local head = string.char(MAP_OF_10) .. entries .. cmsgpack.pack('text')
  redis.pcall('PUBLISH', channel, head .. struct.pack('>BI4', STR32, #text) .. text)
end

local function append(at)
  local id, kind, text = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local resync = string.sub(kind, 1, 1) == '1'
  local room = redis.call('HMGET', room_key, 'epoch', 'seq', 'last')
  local epoch, number, previous = room[1] or ARGV[at], (room[2] or 0) + 1, room[3] or ''
  local seq = string.format('%d', number)
  local member = seq .. '|' .. id .. '|' .. previous .. '|' .. now_text .. '|' .. kind .. text
  local fields = { 'seq', seq, 'last', id }  -- of the room, to be written
  if not room[1] then fields = { 'epoch', epoch, unpack(fields) } end
  local overflowed = {}

  local function store(device, seen)
    local queue, bytes = queue_key(device), #text
    local count = redis.call('ZCARD', queue)
    -- The queue may have expired by itself and left its bytes behind.
    if count > 0 then bytes = bytes + redis.call('HGET', room_key, 'bytes:' .. device) end
    if count >= max_messages or bytes > max_bytes then
      redis.call('HSET', room_key, unpack(fields))
      give_up(device, 'overflow')
      overflowed[#overflowed + 1] = device
      return
    end
    redis.call('ZADD', queue, seq, member)
    -- See order.lua. What is kept for the first device has an index, which 1.0.0 renames.
    local has_index = count > 0 and redis.call('EXISTS', events_key(device)) == 1
    local is_indexed = has_index or resync or seen == 0
    if is_indexed then
      local event = string.sub(text, 2, 1 + string.match(kind, '|(%d+)'))
      redis.call('ZADD', events_key(device), '0', event_entry(event, seq))
    end
    fields[#fields + 1] = 'bytes:' .. device
    fields[#fields + 1] = string.format('%d', bytes)
    -- Else the lease that it is seen by has seen to it.
    if count == 0 or is_indexed ~= has_index or seen < now then
      expire(queue, seen)
      if is_indexed then expire(events_key(device), seen) end
    end
  end

  local is_anyone_known, is_only_here = false, channels ~= ''
  local devices, latest = redis.call('ZRANGE', devices_key, '0', '-1', 'WITHSCORES'), 0
  for i = 1, #devices, 2 do
    local device, seen = devices[i], devices[i + 1] + 0
    latest = seen
    if is_kept(device, seen, EXPIRED_AT_ONCE) then
      is_anyone_known = true
      is_only_here = is_only_here and not is_held_elsewhere(device)
      store(device, seen)
    end
  end
  if not is_anyone_known then
    is_only_here = false
    is_kept('', 0, EXPIRED_AT_ONCE)
    store('', 0)
  end
  redis.call('HSET', room_key, unpack(fields))
  if not room[1] or latest < now then expire_room(latest) end

  if channels ~= '' and not is_only_here then
    announce(channels .. ARGV[at + 4], text, 'id', id, 'resync', resync, 'epoch', epoch,
      'seq', number, 'previous', previous, 'overflowed', overflowed)
  end
  return { epoch, number, id, previous, is_only_here and 1 or 0, unpack(overflowed) }
end

