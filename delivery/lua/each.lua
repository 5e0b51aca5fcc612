-- For scripts that do the same in several rooms, each room for itself: what fails in one is the
-- reply of that one. Returns their replies.
--
-- KEYS        as KEYS[1] of common.lua, a room for each time
-- ARGV[3...]  for each of them: how many arguments, then these

local function in_each_room(run)
  local replies, at = {}, 3
  for i, key in ipairs(KEYS) do
    local first, last = at + 1, at + tonumber(ARGV[at])
    enter(key)
    local is_done, reply = pcall(run, first, last)
    replies[i] = (is_done or type(reply) == 'table') and reply or { err = tostring(reply) }
    at = last + 1
  end
  return replies
end

