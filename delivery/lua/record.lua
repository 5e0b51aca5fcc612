-- Adds what one process has counted, and says that it lives.
--
-- ARGV[1] process           ARGV[2] its report                 ARGV[3] s until it counts as gone
-- ARGV[4] number of steps, then for each: seconds, and how many buckets of it are kept
-- then    number of failures, then for each: site, report, seconds that it is kept
-- then    for each site: its name, number of counts, then for each: index, increment

local at = 4

local function next_arg()
  at = at + 1
  return ARGV[at - 1]
end

local function next_number() return tonumber(next_arg()) end

redis.call('ZADD', processes_key, now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', processes_key, '-inf', '(' .. (now - tonumber(ARGV[3])))
redis.call('EXPIRE', processes_key, ARGV[3])
redis.call('SET', base .. 'process:' .. ARGV[1], ARGV[2], 'EX', ARGV[3])

local steps = {}
for i = 1, next_number() do
  steps[i] = { seconds = next_number(), kept = next_number() }
end
for _ = 1, next_number() do
  redis.call('SET', base .. 'failure:' .. next_arg(), next_arg(), 'EX', next_arg())
end
while at <= #ARGV do
  local site, increments = next_arg(), {}
  for _ = 1, next_number() do
    for _, part in ipairs({ 'INCRBY', 'u32', '#' .. next_arg(), next_arg() }) do
      increments[#increments + 1] = part
    end
  end
  for _, step in ipairs(steps) do
    local key = bucket_key(step.seconds, now - now % step.seconds, site)
    redis.call('BITFIELD', key, 'OVERFLOW', 'SAT', unpack(increments))
    redis.call('EXPIRE', key, step.seconds * (step.kept + 1))
  end
end
return 0
