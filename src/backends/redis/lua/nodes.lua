-- The nodes of a deployment, by lease.
-- KEYS: nodes
-- ARGV: operation, and announce: lease (ms), node, text; leave: node; list
-- Returns: for list the texts.
-- Cost: O(nodes).
local call, fmt, match = redis.call, string.format, string.match
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'leave' then return call('HDEL', KEYS[1], ARGV[2]) end

local rows, texts, last = call('HGETALL', KEYS[1]), {}, 0
for i = 1, #rows, 2 do
  local endsAt, text = match(rows[i + 1], '^(%d+) (.*)$')
  if endsAt and tonumber(endsAt) > now then
    texts[#texts + 1] = text
    last = math.max(last, tonumber(endsAt))
  else
    call('HDEL', KEYS[1], rows[i])
  end
end
if ARGV[1] == 'list' then return texts end
local endsAt = now + ARGV[2]
call('HSET', KEYS[1], ARGV[3], fmt('%.0f %s', endsAt, ARGV[4]))
call('PEXPIREAT', KEYS[1], fmt('%.0f', math.max(last, endsAt)))
return 1
