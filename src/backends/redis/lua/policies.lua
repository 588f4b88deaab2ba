-- Replaces the policies, if nobody else has meanwhile, and says what the deployment is.
-- KEYS: deployment
-- ARGV: format, partitions; and, to replace the policies, the version that they must have, and they as JSON
-- Returns: format, partitions, version.
-- Errors: STALE where the policies have another version.
-- Cost: O(1).
redis.call('HSETNX', KEYS[1], 'format', ARGV[1])
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
local found = redis.call('HMGET', KEYS[1], 'format', 'partitions', 'version')
if ARGV[3] and found[1] == ARGV[1] and found[2] == ARGV[2] then
  if (found[3] or '0') ~= ARGV[3] then return redis.error_reply('STALE the policies have been changed meanwhile') end
  found[3] = tostring(ARGV[3] + 1)
  -- The last versions and when they were made, newest first.
  local time, made = redis.call('TIME'), {}
  made[1] = string.format('%s:%d', found[3], time[1] * 1000 + math.floor(time[2] / 1000))
  for one in string.gmatch(redis.call('HGET', KEYS[1], 'changed') or '', '%S+') do
    if #made < 32 then made[#made + 1] = one end
  end
  redis.call('HSET', KEYS[1], 'version', found[3], 'policies', ARGV[4], 'changed', table.concat(made, ' '))
end
return found
