-- Returns a receipt as `note` keeps it, false = there is none.
--
-- KEYS[1] <base>   ARGV[1] the name behind "message:"

return redis.call('GET', KEYS[1] .. 'message:' .. ARGV[1])
