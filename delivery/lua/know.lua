-- A client is coming: knows its device and starts its lease, before the client is told that it
-- is connected, so that nothing that is sent from then on is missed. Returns the room's seq: what
-- comes later was sent to a client that is there.
--
-- ARGV[3] device   ARGV[4] process   ARGV[5] lease in ms   ARGV[6] most devices of a room

know(ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
return tonumber(redis.call('HGET', room_key, 'seq')) or 0
