-- A process is done with users. One whom somebody has noted meanwhile is due at once.
--
-- ARGV[2] end of its claim   ARGV[3...] user, what `told` is to say, ms until the next look or
-- -1 = the user is offline and the site knows, for each

local claim_end = tonumber(ARGV[2])
for i = 3, #ARGV, 3 do
  local user, told, wait = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local due = score(due_key, user)
  local is_noted = due and due ~= claim_end
  redis.call('ZREM', busy_key, user)
  if wait < 0 then
    redis.call('HDEL', told_key, user)
    redis.call('ZREM', due_key, user)
  else
    redis.call('HSET', told_key, user, told)
    redis.call('ZADD', due_key, now + wait, user)
  end
  if is_noted then redis.call('ZADD', due_key, now, user) end
end
expire()
return 0
