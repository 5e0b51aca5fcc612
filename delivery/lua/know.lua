-- A client is coming: knows its device and starts its lease, before the client is told that it
-- is connected, so that nothing that is sent from then on is missed. Returns {epoch, seq, id of
-- that message, 1 if something waits}: what comes later was sent to a client that is there, and
-- where nothing waits, a pending resync included, the queue need not be opened.
--
-- ARGV[3] device   ARGV[4] process   ARGV[5] lease in ms   ARGV[6] most devices of a room

know(ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
local room = redis.call('HMGET', room_key, 'epoch', 'seq', 'last', 'resync:' .. ARGV[3])
local is_waiting = room[4] or count_waiting(ARGV[3]) > 0
return { room[1] or '', tonumber(room[2]) or 0, room[3] or '', is_waiting and 1 or 0 }
