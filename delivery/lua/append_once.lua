-- Stores a message unless it was stored before; what it returns then names no message before it.
--
-- KEYS[2]  remembers "epoch seq id" of the first call with an idempotency key
-- ARGV[5]  seconds that it does so   ARGV[6...] those of append.lua

local first = redis.call('GET', KEYS[2])
if first then
  local epoch, seq, id = string.match(first, '^(%S+) (%d+) (.*)$')
  return { epoch, tonumber(seq), id, '' }
end
local reply = append(6)
redis.call('SET', KEYS[2], string.format('%s %d %s', reply[1], reply[2], reply[3]), 'EX', ARGV[5])
return reply
