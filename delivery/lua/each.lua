-- For scripts that do the same in several rooms, each room for itself: what fails in one is the
-- reply of that one. Returns their replies.
--
-- KEYS        as KEYS[1] of common.lua, a room for each time
-- ARGV[at...]  the arguments of the first room, as many of the second and so on

local function in_each_room(run, at)
  local replies, count = {}, (#ARGV - at + 1) / #KEYS
  for i, key in ipairs(KEYS) do
    enter(key)
    local is_done, reply = pcall(run, at)
    replies[i] = (is_done or type(reply) == 'table') and reply or { err = tostring(reply) }
    at = at + count
  end
  return replies
end

