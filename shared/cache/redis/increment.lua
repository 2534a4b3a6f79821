-- Adds one to a whole number; none counts as 0.
--
-- KEYS[1]  key
-- ARGV[1]  time to live from now, ms; 0: none
--
-- Returns the new number.

local count = redis.call('INCR', KEYS[1])
if ARGV[1] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return count
