-- Sets a value if the key has none. (SET with both NX and GET needs Redis 7; this works from 2.6 on.)
--
-- KEYS[1]  key
-- ARGV[1]  value
-- ARGV[2]  time to live, ms; 0: none
--
-- Returns the value that is there now: the earlier one, or this.

local existing = redis.call('GET', KEYS[1])
if existing then
  return existing
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return ARGV[1]
