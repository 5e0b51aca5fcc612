-- What waits for a device, for the scripts that hand it out.

local BACKLOG_HEAD = 6  -- items before the first member
local MEMBERS_AT_ONCE = 64  -- so that a long queue of long texts is never copied whole

local function backlog_head(reason, is_known)
  local room = redis.call('HMGET', room_key, 'epoch', 'seq', 'last')
  return {
    room[1] or '', tonumber(room[2]) or 0, room[3] or '', reason, is_known and 1 or 0, 0,
  }
end

local function members_after(device, seq)
  return redis.call(
    'ZRANGEBYSCORE', queue_key(device), '(' .. seq, '+inf', 'LIMIT', 0, MEMBERS_AT_ONCE)
end

-- Returns {epoch, seq, id of that message, resync reason, 1 if the device is known,
-- 1 if more waits, member, ...} of the messages after `seq`: at most `count`, and no more
-- than their texts have max_bytes, but at least one. The reason is handed out once.
local function take_backlog(device, seq, count, max_bytes)
  local backlog, bytes = backlog_head(take_resync(device), true), 0
  local members
  repeat
    members = members_after(device, seq)
    for _, member in ipairs(members) do
      local message, length = parse(member), #backlog - BACKLOG_HEAD
      bytes = bytes + message.bytes
      if length == count or (length > 0 and bytes > max_bytes) then
        backlog[BACKLOG_HEAD] = 1
        return backlog
      end
      backlog[#backlog + 1] = member
      seq = message.seq
    end
  until #members < MEMBERS_AT_ONCE
  return backlog
end

