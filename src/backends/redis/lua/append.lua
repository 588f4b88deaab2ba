-- Appends messages to the logs of one partition, and publishes each: the payload on its channel, and the entries of
-- each log as one frame on the log's live channel (core/live-frame.ts).
-- KEYS: partition, changes, marks, mark expiry; then stream and head of each log.
-- ARGV: producer, batch number, 1 if the batch before this must have run, ms to keep this batch's mark, an epoch for
--   new logs, number of logs; for each log: its text, live channel, 1 if shared, most entries, most age in ms (either
--   may be empty); for each message: its log's number, or "<log>,<window ms or empty>,<length>,<channel><dedupe key>"
--   where the log is shared or the message has a dedupe key, and the payload.
-- Returns: one text of lines. For each log "<epoch> <gen> <receivers of the frame> <foreign entries moved away>",
--   for each message "+<seq> <receivers>", "=<seq>-<gen>" for a duplicate, or "-<error>".
--   A batch that has run already returns what it returned then, and does nothing.
-- Errors: AHEAD where the batch before has not run.
-- Cost: about 15 commands, and two for each message.
local call, pcall, fmt = redis.call, redis.pcall, string.format
local SLOTS = 16
local MOVES = 100000
local producer, batch = ARGV[1], tonumber(ARGV[2])
local slot = producer .. ':' .. batch % SLOTS
local known = pcall('HMGET', KEYS[3], slot, producer .. ':' .. (batch - 1) % SLOTS)
if known.err then return known end

local function numbered(mark, number)
  local space = mark and string.find(mark, ' ', 1, true)
  return space and tonumber(string.sub(mark, 1, space - 1)) == number and string.sub(mark, space + 1)
end

local done = numbered(known[1], batch)
if done then return done end
if ARGV[3] == '1' and not numbered(known[2], batch - 1) then
  return redis.error_reply('AHEAD the batch before has not run')
end

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nowText = fmt('%.0f', now)
local history = string.match(call('INFO', 'replication'), 'master_replid:(%x+)') or 'none'

-- The counter never falls and is never used twice: a server with another history begins at the next 2^32.
local partition = pcall('HMGET', KEYS[1], 'history', 'counter', 'epoch')
if partition.err then return partition end
local counter = tonumber(partition[2] or 0)
if not partition[2] then
  local newest = call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  counter = tonumber(newest[2] or 0)
end
if partition[1] ~= history and counter > 0 then counter = (math.floor(counter / 4294967296) + 1) * 4294967296 end
counter = fmt('%.0f', counter + 1)
local written = pcall('HSET', KEYS[1], 'history', history, 'counter', counter, 'epoch', partition[3] or ARGV[5])
if type(written) == 'table' and written.err then return written end

local prefix = string.sub(KEYS[1], 1, -10)
local count = tonumber(ARGV[6])
local logs = {}

local function moveForeign(log)
  local after = '(' .. log.seq .. '-' .. log.gen
  local target = prefix .. 'quarantine:' .. log.text
  repeat
    local rows = call('XRANGE', log.stream, after, '+', 'COUNT', 1000)
    for _, row in ipairs(rows) do
      local fields = #row[2] < 4000 and row[2] or {}
      pcall('XADD', target, 'MAXLEN', '~', 10000, '*', 'foreign-id', row[1], unpack(fields))
      call('XDEL', log.stream, row[1])
    end
    log.moved = log.moved + #rows
  until #rows < 1000 or log.moved >= MOVES
  pcall('PEXPIRE', target, 604800000)
  pcall('XSETID', log.stream, log.seq .. '-' .. log.gen)
end

local function begin(log, exists)
  if exists then
    pcall('RENAME', log.stream, prefix .. 'quarantine:' .. log.text .. ':' .. ARGV[5])
    pcall('PEXPIRE', prefix .. 'quarantine:' .. log.text .. ':' .. ARGV[5], 604800000)
    log.moved = log.moved + 1
  end
  log.epoch, log.seq, log.gen, log.chain, log.first = ARGV[5], 0, 1, '1:1', 1
end

local function open(log)
  local head = pcall('HMGET', log.head, 'epoch', 'seq', 'gen', 'history', 'chain', 'first', 'expires', 'aged')
  if head.err then log.err = head.err return end
  local tail = pcall('XRANGE', log.stream, head[1] and '(' .. head[2] .. '-' .. head[3] or '-', '+', 'COUNT', 1)
  if tail.err then log.err = tail.err return end
  local exists = #tail > 0 or call('EXISTS', log.stream) == 1
  log.expires, log.aged = tonumber(head[7] or ''), tonumber(head[8] or '')
  local expired = not exists and log.expires and now >= log.expires
  if not head[1] or not (exists or expired) then return begin(log, exists) end
  log.epoch, log.seq, log.gen, log.chain = head[1], tonumber(head[2]), tonumber(head[3]), head[5]
  log.first = expired and log.seq + 1 or tonumber(head[6])
  if #tail > 0 then moveForeign(log) end
  if head[4] ~= history then
    log.gen = log.gen + 1 + (tonumber(string.sub(history, 1, 5), 16) or 0)
    log.chain = log.chain .. ' ' .. log.gen .. ':' .. log.seq + 1
  end
end

for i = 1, count do
  local at = 2 + 5 * i
  local log = {
    stream = KEYS[3 + 2 * i], head = KEYS[4 + 2 * i], text = ARGV[at], live = ARGV[at + 1], shared = ARGV[at + 2] == '1',
    maxCount = tonumber(ARGV[at + 3]), maxAge = tonumber(ARGV[at + 4]), moved = 0, sizes = {}, parts = {},
  }
  log.channel = not log.shared and string.sub(log.text, 5) or nil
  open(log)
  log.idEnd = '-' .. (log.gen or '')
  logs[i] = log
end

local function add(log, channel, payload, seq)
  local id = seq .. log.idEnd
  if log.shared then
    return pcall('XADD', log.stream, id, 'c', counter, 't', nowText, 'p', payload, 'n', channel)
  end
  return pcall('XADD', log.stream, id, 'c', counter, 't', nowText, 'p', payload)
end

local function append(log, channel, payload)
  if log.err then return '-' .. log.err end
  local number = log.seq + 1
  local seq = tostring(number)
  local added = add(log, channel, payload, seq)
  if type(added) == 'table' and (string.find(added.err, 'equal or smaller') or string.find(added.err, 'exhausted')) then
    moveForeign(log)
    added = add(log, channel, payload, seq)
  end
  if type(added) == 'table' then return '-' .. added.err end
  log.seq = number
  local receivers = pcall('PUBLISH', channel, payload)
  local size = #log.sizes + 1
  log.sizes[size] = (log.shared and #channel or 0) .. ':' .. #payload
  if log.shared then log.parts[#log.parts + 1] = channel end
  log.parts[#log.parts + 1] = payload
  if receivers == 0 then return '+' .. seq .. ' 0' end
  return '+' .. seq .. ' ' .. (type(receivers) == 'number' and receivers or 0)
end

local function once(log, channel, payload, window, key)
  if log.err then return '-' .. log.err end
  -- With the name's length, so that no name and key together read as others.
  local mark = 'k' .. #log.text .. ':' .. log.text .. key
  local value = call('HGET', KEYS[3], mark)
  if value then
    local expires, id, epoch = string.match(value, '^(%d+) (%S+) (%S+)$')
    if epoch == log.epoch and tonumber(expires) > now then return '=' .. id end
  end
  local result = append(log, channel, payload)
  if string.byte(result) == 43 then
    local expires = fmt('%.0f', now + window)
    call('HSET', KEYS[3], mark, expires .. ' ' .. log.seq .. '-' .. log.gen .. ' ' .. log.epoch)
    call('ZADD', KEYS[4], expires, mark)
  end
  return result
end

local lines = {}
local at = 7 + 5 * count
for i = count + 1, count + (#ARGV - at + 1) / 2 do
  local spec, payload = ARGV[at], ARGV[at + 1]
  local log = logs[tonumber(spec)]
  if log then
    lines[i] = append(log, log.channel, payload)
  else
    local index, window, length, rest = string.match(spec, '^(%d+),(%d*),(%d+),()')
    log = logs[tonumber(index)]
    local channel = string.sub(spec, rest, rest + length - 1)
    if window == '' then
      lines[i] = append(log, channel, payload)
    else
      lines[i] = once(log, channel, payload, tonumber(window), string.sub(spec, rest + length))
    end
  end
  at = at + 2
end

local function timeOf(log, seq)
  local row = call('XRANGE', log.stream, seq .. '-0', '+', 'COUNT', 1)[1]
  if not row then return log.seq + 1, now end
  return tonumber(string.match(row[1], '^%d+')), tonumber(row[2][4]) or 0
end

-- The first entry that is young enough, by halving.
local function dropAged(log)
  if not log.maxAge or (log.aged and now < log.aged) then return end
  local low, high, limit = log.first, log.seq + 1, now - log.maxAge
  while low < high do
    local middle = math.floor((low + high) / 2)
    local seq, t = timeOf(log, middle)
    if t < limit then low = math.max(seq, middle) + 1 else high = middle end
  end
  log.first = math.min(low, log.seq + 1)
  local _, t = timeOf(log, log.first)
  log.aged = math.max(t + log.maxAge, now + math.ceil(log.maxAge / 100))
end

local function expire(log)
  if not log.maxAge then
    if log.expires then
      call('PERSIST', log.stream)
      call('PERSIST', log.head)
      call('HDEL', log.head, 'expires', 'aged')
    end
  elseif not log.expires or log.expires < now + log.maxAge or log.expires > now + 1.2 * log.maxAge then
    log.expires = now + math.ceil(1.1 * log.maxAge)
    call('PEXPIREAT', log.stream, fmt('%.0f', log.expires))
    call('PEXPIREAT', log.head, fmt('%.0f', log.expires + log.maxAge))
    call('HSET', log.head, 'expires', fmt('%.0f', log.expires))
  end
end

local function settle(log)
  local first = log.first
  if log.maxCount and log.seq - log.maxCount + 1 > first then log.first = log.seq - log.maxCount + 1 end
  dropAged(log)
  if log.first > first then call('XTRIM', log.stream, 'MINID', '~', log.first .. '-0') end
  -- The generation of the entry before the first retained one stays: who has read up to there can tell that it fits.
  while true do
    local second = string.match(log.chain, '^%S+ %d+:(%d+)')
    if not second or tonumber(second) >= log.first then break end
    log.chain = string.match(log.chain, ' (.*)$')
  end
  call('HSET', log.head, 'epoch', log.epoch, 'seq', log.seq, 'gen', log.gen, 'history', history, 'chain', log.chain,
    'first', log.first, 'aged', log.aged and fmt('%.0f', log.aged) or '')
  expire(log)
  call('ZADD', KEYS[2], counter, log.text)
end

for i = 1, count do
  local log = logs[i]
  local receivers = 0
  if #log.sizes > 0 then
    settle(log)
    local heading = log.epoch .. ' ' .. log.gen .. ' ' .. log.seq - #log.sizes + 1 .. ' ' .. counter .. ' ' .. nowText
    local frame = heading .. '\n' .. table.concat(log.sizes, ' ') .. '\n' .. table.concat(log.parts)
    local heard = pcall('PUBLISH', log.live, frame)
    receivers = type(heard) == 'number' and heard or 0
  end
  lines[i] = (log.epoch or '?') .. ' ' .. (log.gen or 0) .. ' ' .. receivers .. ' ' .. log.moved
end

-- The log that has not changed for longest may be gone; old marks may go.
local oldest = call('ZRANGE', KEYS[2], 0, 0)[1]
if oldest and call('EXISTS', prefix .. 'head:' .. oldest) == 0 then pcall('ZREM', KEYS[2], oldest) end
local old = pcall('ZRANGEBYSCORE', KEYS[4], '-inf', fmt('%.0f', now), 'LIMIT', 0, 64)
if #old > 0 then
  pcall('HDEL', KEYS[3], unpack(old))
  pcall('ZREM', KEYS[4], unpack(old))
end

local reply = table.concat(lines, '\n')
pcall('HSET', KEYS[3], slot, batch .. ' ' .. reply)
pcall('ZADD', KEYS[4], fmt('%.0f', now + tonumber(ARGV[4])), slot)
return reply
