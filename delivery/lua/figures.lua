-- Returns {now in s, the last failure of the site's authUrl, {report of a process, ...},
-- {bucket, ...} for each step}, buckets oldest first, the running one last; nil = nothing was
-- counted.
--
-- ARGV[1] site, '' = all   ARGV[2...] for each step: seconds, how many buckets

local site = ARGV[1]
local reply = { now, redis.call('GET', base .. 'failure:' .. site), reports() }
for i = 2, #ARGV, 2 do
  local step, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local keys = {}
  for back = count - 1, 0, -1 do
    keys[#keys + 1] = bucket_key(step, now - now % step - back * step, site)
  end
  reply[#reply + 1] = redis.call('MGET', unpack(keys))
end
return reply
