-- Deletes all values of an owner.
--
-- KEYS[1]  list of the names of the owner's keys
--
-- Returns how many names were in it.

local keys = redis.call('LRANGE', KEYS[1], 0, -1)
for _, key in ipairs(keys) do
  redis.call('DEL', key)
end
redis.call('DEL', KEYS[1])
return #keys
