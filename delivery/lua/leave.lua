-- A process ends: it is no longer among those that are shown. What it has counted stays.
--
-- ARGV[1] process

redis.call('ZREM', processes_key, ARGV[1])
redis.call('DEL', base .. 'process:' .. ARGV[1])
return 0
