-- Stores a message unless it was stored before; what it returns then names no message before it.
--
-- KEYS[2]  remembers "epoch seq id" of the first call with an idempotency key
-- ARGV[7]  seconds that it does so   ARGV[8...] those of append.lua

local first = redis.call('GET', KEYS[2])
if first then
  local epoch, seq, id = string.match(first, '^(%S+) (%d+) (.*)$')
  return { epoch, tonumber(seq), id, '', 0 }
end
local reply = append(8)
redis.call('SET', KEYS[2], string.format('%s %d %s', reply[1], reply[2], reply[3]), 'EX', ARGV[7])
return reply
