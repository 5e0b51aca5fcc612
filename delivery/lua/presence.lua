-- Who is in a user room. Returns {device, since when it is online or offline, the end of its
-- lease or 0 = it is offline, ...}, the longest unseen first; times in ms. Changes nothing.
-- A lease that has run out, of a process that was killed, ends when it has: a device is online
-- as long as a process holds it.

local reply = {}
local devices = redis.call('ZRANGE', devices_key, 0, -1, 'WITHSCORES')
for i = 1, #devices, 2 do
  local device, since, lease_end = devices[i], tonumber(devices[i + 1]), 0
  local is_online = redis.call('ZCOUNT', holders_key(device), now, '+inf') > 0
  if is_online then
    lease_end = since
    since = tonumber(redis.call('HGET', room_key, 'since:' .. device) or nil) or now
  end
  for _, part in ipairs({ device, since, lease_end }) do reply[#reply + 1] = part end
end
return reply
