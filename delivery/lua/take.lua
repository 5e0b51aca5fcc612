-- Takes tokens from a bucket that time fills: one for each message that may be sent.
-- Returns {taken, left, ms until as many as are wanted are there}. Taken is 0, or at least
-- what is needed. What needs more than the bucket holds takes a full one, and leaves a debt.
--
-- KEYS[1]  a hash: tokens, at (ms) the time when there were so many; ends when it would be full
-- ARGV[1]  now in ms, '' = the server's own clock
-- ARGV[2]  tokens a second   ARGV[3] tokens of a full bucket
-- ARGV[4]  tokens needed     ARGV[5] tokens wanted, as many or more

local rate, full = tonumber(ARGV[2]), tonumber(ARGV[3])
local needed, wanted = tonumber(ARGV[4]), tonumber(ARGV[5])

local function server_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = tonumber(ARGV[1]) or server_clock()
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local at = math.min(now, tonumber(bucket[2]) or now)
local tokens = math.min(full, (tonumber(bucket[1]) or full) + (now - at) * rate / 1000)

if tokens < math.min(needed, full) then
  local missing = math.min(wanted, full) - tokens
  return { 0, math.floor(tokens), math.ceil(missing * 1000 / rate) }
end

local taken = math.max(needed, math.min(wanted, math.floor(tokens)))
tokens = tokens - taken
redis.call('HSET', KEYS[1], 'tokens', string.format('%.3f', tokens), 'at', string.format('%d', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - tokens) * 1000 / rate) + 1000)
return { taken, math.floor(tokens), 0 }
