-- Has Redis forgotten messages that a client was sent? A restart from a file that is a second
-- old, or a failover to a replica that was behind, takes a room back: it would give the same
-- seqs to other messages. It is not seen if another tab has acked the first of those already.
-- For the scripts that a client's process asks how far a room has got.
--
-- ARGV[4] epoch   ARGV[5] seq   ARGV[6] id of the last message that the client was sent,
--         '' = not known        ARGV[7] epoch for a room that was taken back

local function is_taken_back(device)
  local room = redis.call('HMGET', room_key, 'epoch', 'seq', 'last')
  if ARGV[6] == '' or room[1] ~= ARGV[4] then return false end
  local behind = tonumber(room[2]) - tonumber(ARGV[5])
  if behind <= 0 then return behind < 0 or room[3] ~= ARGV[6] end
  local next_seq = tonumber(ARGV[5]) + 1
  local member = redis.call('ZRANGEBYSCORE', queue_key(device), next_seq, next_seq)[1]
  return member ~= nil and string.match(member, '^%d+|[^|]*|([^|]*)|') ~= ARGV[6]
end

-- A new epoch tells those who are there, a pending resync those who are not.
local function note_lost_state(device)
  if not is_taken_back(device) then return end
  redis.call('HSET', room_key, 'epoch', ARGV[7])
  for _, known in ipairs(redis.call('ZRANGE', devices_key, 0, -1)) do
    if find(known) then give_up(known, 'state_lost') end
  end
end

