-- What the scripts of `update_schedule` begin with: users whose site is told when they come and go.
--
-- KEYS[1]  <base>due, a zset: user -> when some process has to look at them, in ms
-- ARGV[1]  how long the keys live without a change, in ms
--
-- The other keys stand under the same hash tag:
--   <base>told   a hash: user -> "<1 if the site was told last that they are online> <tries>"
--   <base>busy   a zset: user -> until when a process has them to itself, in ms
--
-- A user is in `due` while the site believes that they are online, or is to be told. A process
-- that ends in the midst of it leaves them due when its claim runs out.

local due_key = KEYS[1]
local base = string.sub(due_key, 1, -4)
local told_key, busy_key = base .. 'told', base .. 'busy'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function score(key, user)
  return tonumber(redis.call('ZSCORE', key, user) or nil)
end

local function expire()
  for _, key in ipairs({ due_key, told_key, busy_key }) do redis.call('PEXPIRE', key, ARGV[1]) end
end
