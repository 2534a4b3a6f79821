-- Sets a value that belongs to an owner, and drops his oldest ones beyond a number.
--
-- KEYS[1]  key
-- KEYS[2]  list of the names of the owner's keys, oldest first; one may be in it twice, or gone
-- ARGV[1]  value
-- ARGV[2]  time to live, ms
-- ARGV[3]  how many of the owner's values are kept
-- ARGV[4]  time to live of the list, ms; no value of an owner lives longer

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local count = redis.call('RPUSH', KEYS[2], KEYS[1])
local kept = tonumber(ARGV[3])
if count > kept then
  for _, key in ipairs(redis.call('LRANGE', KEYS[2], 0, count - kept - 1)) do
    if key ~= KEYS[1] then redis.call('DEL', key) end
  end
  redis.call('LTRIM', KEYS[2], -kept, -1)
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return count
