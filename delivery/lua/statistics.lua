-- What the scripts of the statistics begin with.
--
-- KEYS[1]  <base>processes, a zset: process -> when it was last seen, in s
--
-- The other keys stand under the same hash tag, each with an end:
--   <base>process:<id>         a string, JSON: what that process has now
--   <base>v2:<step>:<t>:<site> a string of u32, one for each of counters.FIELDS: what all
--                              processes counted in the <step> seconds from <t> on. The site
--                              '' is all of them.
--   <base>failure:<site>       a string, JSON: the last failure of its authUrl
--
-- The clock is the server's: that of one process may be wrong.

local processes_key = KEYS[1]
local base = string.sub(processes_key, 1, -10)
local now = tonumber(redis.call('TIME')[1])

local function bucket_key(step, start, site)
  return base .. 'v2:' .. step .. ':' .. start .. ':' .. site
end

-- {{id, seen, report}, ...} of all processes that have been seen of late.
local function reports()
  local found = {}
  local processes = redis.call('ZRANGE', processes_key, 0, -1, 'WITHSCORES')
  for i = 1, #processes, 2 do
    local report = redis.call('GET', base .. 'process:' .. processes[i])
    if report then found[#found + 1] = { processes[i], tonumber(processes[i + 1]), report } end
  end
  return found
end

