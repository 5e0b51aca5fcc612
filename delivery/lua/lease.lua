-- Leases: a live device is seen until the end of the longest lease that a process holds on it.
-- For the scripts that take, renew or give up one.

local function expire_device(device, seen)
  expire(queue_key(device), seen)
  expire(events_key(device), seen)
  expire_room()
end

local function hold(device, process, lease_ms)
  local until_ms = now + lease_ms
  local holders = holders_key(device)
  redis.call('ZREMRANGEBYSCORE', holders, '-inf', '(' .. now)
  local is_new = redis.call('ZADD', holders, until_ms, process) == 1
  if is_new and redis.call('ZCARD', holders) == 1 then
    redis.call('HSET', room_key, 'since:' .. device, now)
  end
  redis.call('PEXPIRE', holders, lease_ms)
  redis.call('ZADD', devices_key, until_ms, device)
  expire_device(device, until_ms)
end

-- When the last process lets go, the device is seen until now.
local function let_go(device, process)
  local holders = holders_key(device)
  redis.call('ZREM', holders, process)
  redis.call('ZREMRANGEBYSCORE', holders, '-inf', '(' .. now)
  local last = redis.call('ZREVRANGE', holders, 0, 0, 'WITHSCORES')
  local seen = tonumber(last[2]) or now
  if not last[2] then redis.call('HDEL', room_key, 'since:' .. device) end
  redis.call('ZADD', devices_key, seen, device)
  expire_device(device, seen)
end

