-- Appends an entry to a bounded list, once per (source, offset).
--
-- KEYS[1]  list of the newest entries, oldest first
-- KEYS[2]  hash: `total`, entries ever appended; `offset:<source>`, the last offset applied from a source
-- ARGV[1]  entry
-- ARGV[2]  limit: how many entries are kept (at least 1)
-- ARGV[3]  source, for example `interactions/3`
-- ARGV[4]  offset; one at or below the source's last is ignored (below 2^53, exact in Lua's numbers)
-- ARGV[5]  time to live of both keys from now, ms; 0: none
--
-- Returns 1 if the entry was appended, 0 if it had been before.

local applied = redis.call('HGET', KEYS[2], 'offset:' .. ARGV[3])
if applied and tonumber(applied) >= tonumber(ARGV[4]) then
  return 0
end

redis.call('HSET', KEYS[2], 'offset:' .. ARGV[3], ARGV[4])
redis.call('HINCRBY', KEYS[2], 'total', 1)
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)

if ARGV[5] == '0' then
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[2])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return 1
