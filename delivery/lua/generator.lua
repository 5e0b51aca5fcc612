-- Takes a number for one process, or keeps it. Returns 0 if another process has it.
--
-- KEYS[1] names the number   ARGV[1] process   ARGV[2] lease in ms

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
