-- Returns {now in s, {report of a process, ...}, then for each site: the last failure of its
-- authUrl, its bucket before the running one, the running one; nil = there is none}.
--
-- ARGV[1] seconds of a bucket   ARGV[2...] sites

local step = tonumber(ARGV[1])
local start = now - now % step
local reply = { now, reports() }
for i = 2, #ARGV do
  local site = ARGV[i]
  reply[#reply + 1] = redis.call('MGET',
    base .. 'failure:' .. site, bucket_key(step, start - step, site), bucket_key(step, start, site))
end
return reply
