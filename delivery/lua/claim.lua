-- Returns {message id of the first call with this idempotency key, its answer once settled}.
--
-- KEYS[1] a hash: id, answer   ARGV[1] message id, if this is the first   ARGV[2] seconds

if redis.call('HSETNX', KEYS[1], 'id', ARGV[1]) == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'id', 'answer')
