-- What every script of a room begins with: its keys, its clock, its expiry.
-- Numbers that go to Redis are texts where that is easy: Lua writes a number in 17 digits. Those
-- that come are read by `+ 0`: tonumber reads a text twice.
--
-- KEYS[1]  <base>room, a hash: epoch, seq, last (the id of the message with that seq), and
--          for each device
--            bytes:<device>   bytes of text that wait in its queue
--            resync:<device>  "<ms>:<reason>", why its copy is wrong, until it is told
--            since:<device>   when it came online, in ms; of a device that is
--            drops:<device>   "<ms>:<seq>:<reason>;" for each of the last times that its queue was
--                             dropped, up to which seq; the newest first
-- ARGV[1]  now in ms, '' = the server's own clock
-- ARGV[2]  ttl in ms, 0 = for ever
--
-- The other keys of the room stand under the same hash tag:
--   <base>devices           zset: device -> seen_until in ms. The end of its lease while it
--                           is live, the time it left after that.
--   <base>queue:<device>    zset: "seq|id|previous|stored_ms|resync|event_length|text" -> seq.
--                           `previous` is the id of the message before it, '' = it is the first.
--   <base>events:<device>   zset, all scores 0: event JSON, "\0", seq in 16 digits. JSON holds
--                           no "\0", so the first member from "event\0" on is the first
--                           message of that event. Of a queue in which no message asks for
--                           the order it is not there, and it may leave out others: order.lua.
--   <base>holders:<device>  zset: process -> end of its lease in ms
--
-- The device '' holds what was sent before any device was known. It is in `devices`
-- only if a client without deviceId has come.

local room_key, base, devices_key  -- of the room that all below is about

local function enter(key)
  room_key, base = key, string.sub(key, 1, -5)
  devices_key = base .. 'devices'
end

enter(KEYS[1])
local ttl = tonumber(ARGV[2])

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now_text = string.format('%d', now)

local function queue_key(device) return base .. 'queue:' .. device end
local function events_key(device) return base .. 'events:' .. device end
local function holders_key(device) return base .. 'holders:' .. device end

-- The end of the device's lease or the time it left; nil = the device is not known.
local function seen_until(device)
  local seen = redis.call('ZSCORE', devices_key, device)
  return seen and seen + 0 or nil
end

-- PERSIST, because the key may stem from a time when ttl was not 0.
local function expire(key, from)
  if ttl == 0 then
    redis.call('PERSIST', key)
  elseif from <= now then
    redis.call('PEXPIRE', key, ARGV[2])
  else
    redis.call('PEXPIRE', key, string.format('%d', from + ttl - now))
  end
end

-- The room outlives each of its queues: a queue that outlived its epoch would be
-- delivered as if it belonged to the next one. `seen` is that of the device that is seen
-- longest, nil = to be looked up.
local function expire_room(seen)
  if not seen then
    seen = tonumber(redis.call('ZREVRANGE', devices_key, '0', '0', 'WITHSCORES')[2]) or 0
  end
  expire(room_key, seen)
  expire(devices_key, seen)
end

local function parse(member)
  local seq, resync, length, start =
    string.match(member, '^(%d+)|[^|]*|[^|]*|[^|]*|(%d)|(%d+)|()')
  return {
    seq = seq,
    resync = resync == '1',
    event = string.sub(member, start + 1, start + length),
    bytes = #member - start + 1,
  }
end

local function stored_ms(member)
  return tonumber(string.match(member, '^%d+|[^|]*|[^|]*|(%d+)'))
end

local function event_entry(event, seq)
  return event .. '\0' .. string.format('%016d', seq)
end

local function count_waiting(device)
  return redis.call('ZCARD', queue_key(device))
end

local function remove(device, message)
  redis.call('ZREMRANGEBYSCORE', queue_key(device), message.seq, message.seq)
  if redis.call('EXISTS', events_key(device)) == 1 then
    redis.call('ZREM', events_key(device), event_entry(message.event, message.seq))
  end
  redis.call('HINCRBY', room_key, 'bytes:' .. device, string.format('-%d', message.bytes))
end

-- Returns how many waited.
local function remove_all(device)
  local count = count_waiting(device)
  redis.call('UNLINK', queue_key(device), events_key(device))
  redis.call('HDEL', room_key, 'bytes:' .. device)
  return count
end

-- So that receipts can tell why a message waits no more.
local MAX_DROPS_LENGTH = 200
local function note_drop(device, reason)
  local field = 'drops:' .. device
  local seq = redis.call('HGET', room_key, 'seq')
  local drops = string.format('%d:%s:%s;', now, seq or '0', reason)
  drops = drops .. (redis.call('HGET', room_key, field) or '')
  redis.call('HSET', room_key, field, string.sub(drops, 1, MAX_DROPS_LENGTH))
end

-- The queue is dropped, and the client will be told, now or when it comes back. Returns how
-- many messages that were.
local function give_up(device, reason)
  redis.call('HSET', room_key, 'resync:' .. device, now_text .. ':' .. reason)
  note_drop(device, reason)
  expire_room()
  return remove_all(device)
end

-- Returns why the device's copy is wrong, '' = it is not. Handed out once.
local function take_resync(device)
  local field = 'resync:' .. device
  local resync = redis.call('HGET', room_key, field)
  if not resync then return '' end
  redis.call('HDEL', room_key, field)
  return string.match(resync, '^%d+:(.*)')
end

local function forget(device)
  remove_all(device)
  redis.call('UNLINK', holders_key(device))
  redis.call('HDEL', room_key, 'resync:' .. device, 'since:' .. device, 'drops:' .. device)
  redis.call('ZREM', devices_key, device)
end

-- A message's time runs from when it was stored or its client left, whichever is later.
local function remove_expired(device, seen, limit)
  if ttl == 0 or seen + ttl >= now then return end
  for _ = 1, limit do
    local head = redis.call('ZRANGE', queue_key(device), 0, 0)[1]
    if not head or stored_ms(head) + ttl >= now then return end
    remove(device, parse(head))
  end
end

-- Removes what is expired, and the device itself when it left more than ttl ago and
-- nothing is kept for it. Returns whether it is still there.
local function is_kept(device, seen, limit)
  remove_expired(device, seen, limit)
  if ttl == 0 or seen + ttl >= now or count_waiting(device) > 0 then return true end
  local resync = redis.call('HGET', room_key, 'resync:' .. device)
  if resync and string.match(resync, '^%d+') + ttl >= now then return true end
  forget(device)
  return false
end

-- Settles a device before anything is done with it. Returns its seen_until, nil = there is
-- no such device, and so nothing that waits for it.
local function find(device)
  local seen = seen_until(device)
  if seen and is_kept(device, seen, math.huge) then return seen end
  return nil
end

