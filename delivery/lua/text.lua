-- Returns one waiting message as it is stored, nil = it waits no more. Changes nothing.
--
-- ARGV[3] device   ARGV[4] seq

return redis.call('ZRANGEBYSCORE', queue_key(ARGV[3]), ARGV[4], ARGV[4])[1] or false
