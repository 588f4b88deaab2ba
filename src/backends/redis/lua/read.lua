#!lua flags=no-writes
-- Reads a log's head and some of its entries, from one moment.
-- KEYS: stream, head
-- ARGV: first seq or empty, last seq or empty, most entries, 1 for downwards, most bytes of payload (beyond the first)
-- Returns: nothing where there is no log, else epoch, seq, gen, first retained seq, chain, and the entries.
-- Cost: O(log n + entries).
local call = redis.call
local head = call('HMGET', KEYS[2], 'epoch', 'seq', 'gen', 'first', 'chain', 'expires')
if not head[1] then return nil end
local seq, first = tonumber(head[2]), tonumber(head[4])
if call('EXISTS', KEYS[1]) == 0 then
  local time = call('TIME')
  if not head[6] or time[1] * 1000 + time[2] / 1000 < tonumber(head[6]) then return nil end
  first = seq + 1
end
local from = math.max(tonumber(ARGV[1]) or first, first)
local to = math.min(tonumber(ARGV[2]) or seq, seq)
local left, bytes = tonumber(ARGV[3]), tonumber(ARGV[5])
local entries = {}
-- What strangers have put behind the head is not the log's.
local low = from .. '-0'
local high = to == seq and to .. '-' .. head[3] or tostring(to)
while left > 0 and bytes > 0 and from <= to do
  local size = math.min(left, 64)
  local rows = ARGV[4] == '1' and call('XREVRANGE', KEYS[1], high, low, 'COUNT', size)
    or call('XRANGE', KEYS[1], low, high, 'COUNT', size)
  for _, row in ipairs(rows) do
    entries[#entries + 1] = row
    for i = 2, #row[2], 2 do bytes = bytes - #row[2][i] end
  end
  left = left - #rows
  if #rows < size then break end
  if ARGV[4] == '1' then high = '(' .. rows[#rows][1] else low = '(' .. rows[#rows][1] end
end
return { head[1], head[2], head[3], tostring(first), head[5], entries }
