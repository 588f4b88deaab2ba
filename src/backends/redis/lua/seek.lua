#!lua flags=no-writes
-- Finds the first retained entry whose time or counter is at least a value, by halving.
-- KEYS: stream, head
-- ARGV: t for the time or c for the counter; the value
-- Returns: its seq; head + 1 where there is none, or where the log has expired; 1 where there is no log.
-- Cost: O(log n) reads of one entry.
local head = redis.call('HMGET', KEYS[2], 'seq', 'first', 'expires')
if not head[1] then return 1 end
local expires = tonumber(head[3] or '')
if expires and redis.call('EXISTS', KEYS[1]) == 0 then
  local time = redis.call('TIME')
  if time[1] * 1000 + time[2] / 1000 >= expires then return head[1] + 1 end
end
local value = tonumber(ARGV[2])
local low, high = tonumber(head[2]), head[1] + 1
while low < high do
  local middle = math.floor((low + high) / 2)
  local row = redis.call('XRANGE', KEYS[1], middle .. '-0', head[1], 'COUNT', 1)[1]
  if not row then
    high = middle
  else
    local counter, time = string.match(row[2][1], '^(%d+) (%d+)$')
    local found = tonumber(ARGV[1] == 't' and time or counter)
    if found and found >= value then
      high = middle
    else
      low = math.max(middle, tonumber(string.match(row[1], '^%d+'))) + 1
    end
  end
end
return math.min(low, head[1] + 1)
