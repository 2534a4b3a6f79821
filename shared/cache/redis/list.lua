-- Reads a bounded list and its count at one moment.
--
-- KEYS[1]  list of the newest entries, oldest first
-- KEYS[2]  hash with `total`
--
-- Returns { total, entries }.

local entries = redis.call('LRANGE', KEYS[1], 0, -1)
local total = tonumber(redis.call('HGET', KEYS[2], 'total') or '0')
-- Redis may have evicted the hash alone.
return { math.max(total, #entries), entries }
