-- Hands users who are due to one process. Returns {now, end of its claim, user, what is in
-- `told` about them or '', ...}, the longest due first.
--
-- ARGV[2] most users   ARGV[3] how long it has them to itself, in ms

local claim_end = now + tonumber(ARGV[3])
local reply = { now, claim_end }
for _, user in ipairs(redis.call('ZRANGEBYSCORE', due_key, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local busy_until = score(busy_key, user)
  if busy_until and busy_until > now then
    redis.call('ZADD', due_key, busy_until + 1, user)
  else
    redis.call('ZADD', busy_key, claim_end, user)
    redis.call('ZADD', due_key, claim_end, user)
    reply[#reply + 1] = user
    reply[#reply + 1] = redis.call('HGET', told_key, user) or ''
  end
end
if #reply > 2 then expire() end
return reply
