-- Keeps the answer of a claimed call for as long as the claim has left.
--
-- KEYS[1] a hash: id, answer   ARGV[1] answer

if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'answer', ARGV[1])
end
return 0
