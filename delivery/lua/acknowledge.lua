-- Removes messages that a client is done with.
-- Returns how many; if it was out of order {removed, the room's seq}.
--
-- ARGV[at] device   ARGV[at + 1] epoch of the seqs
-- ARGV[at + 2] 1 = check the order, 0 = only remove
-- ARGV[at + 3] seqs, in the order they were acked: "3 4"
--
-- 1. Another epoch or a device not known: the seqs mean other messages, nothing happens.
-- 2. A seq that waits no more (another tab was faster, cleared, expired) does nothing.
-- 3. A message that asks for it and is not the first waiting one of its event is out of
--    order: all that waits goes, so that no later ack of the same incident finds anything,
--    and the client is to reload. Its resync stays pending until it is taken, in case it
--    or its process is gone by now.
-- 4. Any other is removed.

-- A client that keeps up acks all that waits for it: one message, and so in order. It goes unread,
-- with the whole queue; append.lua counts the bytes of an empty one anew.
local function remove_the_only(device, seq)
  local queue = queue_key(device)
  if redis.call('ZCARD', queue) ~= 1 then return false end
  if redis.call('ZCOUNT', queue, seq, seq) ~= 1 then return false end
  redis.call('UNLINK', queue, events_key(device))
  return true
end

local function acknowledge(at)
  local device, is_checked, seqs = ARGV[at], ARGV[at + 2] == '1', ARGV[at + 3]
  local room = redis.call('HMGET', room_key, 'epoch', 'since:' .. device)
  local is_online = room[2]  -- and so known; its only message expires with its queue
  if room[1] ~= ARGV[at + 1] or not (is_online or find(device)) then return 0 end
  if tonumber(seqs) and remove_the_only(device, seqs) then return 1 end
  if is_online and not find(device) then return 0 end

  local removed = 0
  for seq in string.gmatch(seqs, '%S+') do
    local member = redis.call('ZRANGEBYSCORE', queue_key(device), seq, seq)[1]
    local message = member and parse(member)
    if message and is_checked and message.resync and not is_first_of_event(device, message) then
      removed = removed + give_up(device, 'out_of_order')
      return { removed, tonumber(redis.call('HGET', room_key, 'seq')) }
    end
    if message then
      remove(device, message)
      removed = removed + 1
    end
  end
  return removed
end

return in_each_room(acknowledge, 3)
