-- Returns {device, 1 if it is online, 1 if a message waits for it, ...} of all devices of a room.
-- The message is looked for among the last of each queue. Changes nothing.
--
-- ARGV[3] message id   ARGV[4] how many of the last to look at

local function is_waiting(device)
  for _, member in ipairs(redis.call('ZREVRANGE', queue_key(device), 0, ARGV[4] - 1)) do
    if string.match(member, '^%d+|([^|]*)|') == ARGV[3] then return 1 end
  end
  return 0
end

local reply = {}
local devices = redis.call('ZRANGE', devices_key, 0, -1)
if not seen_until('') then devices[#devices + 1] = '' end
for _, device in ipairs(devices) do
  local is_online = redis.call('ZCOUNT', holders_key(device), now, '+inf') > 0 and 1 or 0
  local waits = is_waiting(device)
  if device ~= '' or waits == 1 or seen_until('') then
    for _, part in ipairs({ device, is_online, waits }) do reply[#reply + 1] = part end
  end
end
return reply
