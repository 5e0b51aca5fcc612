-- Adds to receipts what one process has noted. Each has its end from when it was begun.
--
-- KEYS[1] <base>, in whose hash slot these stand:
--   <base>message:<site>/<id>  a string: the message, then a line for each thing that happened
--   <base>room:<site>/<room>   a list: ids of the last messages of a user room, newest first
-- ARGV[1] seconds that they are kept   ARGV[2] most bytes of a receipt
-- ARGV[3] most ids of a room
-- ARGV[4] how many messages begin here, ARGV[5] how many go on
-- then for each of both: the name behind "message:", text. What begins has its own line first;
--   a call that is repeated begins nothing. What goes on has a line break before each line, and
--   for a message that nobody began nothing happens.
-- then for each message and user room: the name behind "room:", id

local base, kept_seconds, max_bytes = KEYS[1], ARGV[1], tonumber(ARGV[2])
local begins, goes_on = tonumber(ARGV[4]), tonumber(ARGV[5])

-- As many lines as there is room for.
local function cut(text, length)
  if #text <= length then return text end
  return string.match(string.sub(text, 1, length + 1), '^(.*)\n') or ''
end

local at = 6
for _ = 1, begins do
  local text = cut(ARGV[at + 1], max_bytes)
  redis.call('SET', base .. 'message:' .. ARGV[at], text, 'EX', kept_seconds, 'NX')
  at = at + 2
end
for _ = 1, goes_on do
  local key = base .. 'message:' .. ARGV[at]
  local length = redis.call('STRLEN', key)
  if length > 0 then redis.call('APPEND', key, cut(ARGV[at + 1], max_bytes - length)) end
  at = at + 2
end
while at < #ARGV do
  local key = base .. 'room:' .. ARGV[at]
  redis.call('LPUSH', key, ARGV[at + 1])
  redis.call('LTRIM', key, 0, ARGV[3] - 1)
  redis.call('EXPIRE', key, kept_seconds)
  at = at + 2
end
return 0
