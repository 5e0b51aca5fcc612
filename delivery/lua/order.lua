-- Whether a message is the first that waits of its event: for the script that acknowledges.
--
-- Only a message that asks for the order, and that others wait before, needs the index for it. So
-- append.lua lets an index begin with the first message that asks, and whatever is stored before
-- that is added here, once: from then on the index has each message until the queue is empty.
--
-- 1.0.0 indexes each message as it is stored and never looks for those that are left out. Beside
-- this code it finds each message that asks, and none out of order that is not; it may take
-- one for the first though another, stored here, waits before it.

local MESSAGES_AT_ONCE = 64

-- It expires with the queue, whose entries it holds.
local function build_index(device)
  local queue, events = queue_key(device), events_key(device)
  redis.call('UNLINK', events)
  for from = 0, count_waiting(device) - 1, MESSAGES_AT_ONCE do
    local entries = {}
    for _, member in ipairs(redis.call('ZRANGE', queue, from, from + MESSAGES_AT_ONCE - 1)) do
      local message = parse(member)
      entries[#entries + 1] = '0'
      entries[#entries + 1] = event_entry(message.event, message.seq)
    end
    redis.call('ZADD', events, unpack(entries))
  end
  local left_ms = redis.call('PTTL', queue)
  if left_ms > 0 then redis.call('PEXPIRE', events, left_ms) end
end

local function is_first_of_event(device, message)
  local before = redis.call('ZCOUNT', queue_key(device), '-inf', '(' .. message.seq)
  if before == 0 then return true end
  if redis.call('ZCARD', events_key(device)) ~= count_waiting(device) then build_index(device) end
  local from, to = '[' .. message.event .. '\0', '(' .. message.event .. '\1'
  local first = redis.call('ZRANGEBYLEX', events_key(device), from, to, 'LIMIT', 0, 1)
  return first[1] == event_entry(message.event, message.seq)
end

