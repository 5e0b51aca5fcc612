-- Somebody has to look at users, at the latest after so many ms.
--
-- ARGV[2...] user, ms, for each

for i = 2, #ARGV, 2 do
  local user, at = ARGV[i], now + tonumber(ARGV[i + 1])
  local due = score(due_key, user)
  if not due or at < due then redis.call('ZADD', due_key, at, user) end
end
expire()
return 0
