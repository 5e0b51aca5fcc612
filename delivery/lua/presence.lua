-- Who is in a user room. Returns {device, 1 if it is online, since when, in ms, ...}, the longest
-- unseen first. Changes nothing. A lease that has run out, of a process that was killed, ends
-- when it has: a device is online as long as a process holds it.

local reply = {}
local devices = redis.call('ZRANGE', devices_key, 0, -1, 'WITHSCORES')
for i = 1, #devices, 2 do
  local device, since = devices[i], tonumber(devices[i + 1])
  local is_online = redis.call('ZCOUNT', holders_key(device), now, '+inf') > 0
  if is_online then
    since = tonumber(redis.call('HGET', room_key, 'since:' .. device) or nil) or now
  end
  for _, part in ipairs({ device, is_online and 1 or 0, since }) do reply[#reply + 1] = part end
end
return reply
