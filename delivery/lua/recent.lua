-- Returns the ids of the last messages of a user room, newest first.
--
-- KEYS[1] <base>   ARGV[1] the name behind "room:"

return redis.call('LRANGE', KEYS[1] .. 'room:' .. ARGV[1], 0, -1)
