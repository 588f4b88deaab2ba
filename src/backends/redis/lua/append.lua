-- Appends messages to the logs of one partition, and publishes each: the payload on its channel, and the entries of
-- each log as one frame on the log's live channel (core/live-frame.ts). Where many come at once, what nobody listens to
-- is not published.
-- KEYS: partition, changes, marks, mark expiry; then stream and head of each log.
-- ARGV: producer, batch number, 1 if the batch before this must have run, ms to keep this batch's mark, an epoch for
--   new logs, number of logs; for each log: its text, live channel, 1 if shared, most entries, most age in ms (either
--   may be empty); for each run of messages that differ in nothing but their payloads:
--   "<log>,<messages>,<window ms or empty>,<length>,<channel><dedupe key>", where the channel is left out if it is the
--   log's, and the payloads. A message with a dedupe key is a run of its own.
-- Returns: one text of lines. For each log "<epoch> <gen> <receivers of the frame> <foreign entries moved away>
--   <lines that follow>", then lines for its messages in their order: "+<first seq> <receivers> <messages>" for some
--   with consecutive numbers, "=<seq>-<gen>" for a duplicate, "-<error>" for one that was refused.
--   A batch that has run already returns what it returned then, and does nothing.
-- Errors: AHEAD where the batch before has not run; LATE where the batch's place belongs to a later one: this call was
--   held up on its way, and has been made again long since.
-- Cost: about 15 commands, and two for each message; for many at once, about 2.2 us of the server's time for each.
local call, pcall, fmt, concat = redis.call, redis.pcall, string.format, table.concat
local ARGV, KEYS = ARGV, KEYS
local SLOTS = 16
-- Long strings are dear in here, since each is hashed as a whole; one of more than 8,192 bytes is glued, and hashed, twice.
local FRAME_BYTES = 7000
local MOVES = 100000
-- From so many messages on, asking who listens costs less than publishing to nobody.
local MANY = 8
-- Old marks and logs are looked for in one of so many calls.
local ROUND = 16
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
local later = known[1] and tonumber(string.match(known[1], '^%d+'))
if later and later > batch then return redis.error_reply('LATE batches behind this have run') end
if ARGV[3] == '1' and not numbered(known[2], batch - 1) then
  return redis.error_reply('AHEAD the batch before has not run')
end

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nowText = fmt('%d', now)
local info = call('INFO', 'replication', 'cluster')
local history = string.match(info, 'master_replid:(%x+)') or 'none'

-- The counter never falls and is never used twice: a server with another history begins at the next 2^32.
local partition = pcall('HMGET', KEYS[1], 'history', 'counter', 'epoch')
if partition.err then return partition end
local counter = tonumber(partition[2] or 0)
if not partition[2] then
  local newest = call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  counter = tonumber(newest[2] or 0)
end
if partition[1] ~= history and counter > 0 then counter = (math.floor(counter / 4294967296) + 1) * 4294967296 end
counter = fmt('%d', counter + 1)
local written = pcall('HSET', KEYS[1], 'history', history, 'counter', counter, 'epoch', partition[3] or ARGV[5])
if type(written) == 'table' and written.err then return written end
local isRound = tonumber(counter) % ROUND == 0
-- The name of each entry's one field.
local stamp = counter .. ' ' .. nowText

local prefix = string.sub(KEYS[1], 1, -10)
local count = tonumber(ARGV[6])
local logs = {}
local at, last = 7 + 5 * count, #ARGV

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

-- Logs that begin in one call have epochs of their own. Two digits of base 36 are enough for all that one call brings.
local function epochOf(index)
  local function digit(value)
    return string.char(value < 10 and 48 + value or 87 + value)
  end
  return string.sub(ARGV[5], 1, -3) .. digit(math.floor(index / 36) % 36) .. digit(index % 36)
end

local born = 0
local function begin(log, exists)
  if exists then
    pcall('RENAME', log.stream, prefix .. 'quarantine:' .. log.text .. ':' .. ARGV[5])
    pcall('PEXPIRE', prefix .. 'quarantine:' .. log.text .. ':' .. ARGV[5], 604800000)
    log.moved = log.moved + 1
  end
  -- What a head without its log said of its end.
  if log.expires then
    pcall('PERSIST', log.head)
    pcall('HDEL', log.head, 'expires', 'aged')
    log.expires, log.aged, log.agedFor = nil, nil, nil
  end
  log.epoch, log.seq, log.gen, log.chain, log.first, log.isNew = epochOf(log.index), 0, 1, '1:1', 1, true
  born = born + 1
end

local function open(log)
  local head = pcall('HMGET', log.head, 'epoch', 'seq', 'gen', 'history', 'chain', 'first', 'expires', 'aged')
  if head.err then log.err = head.err return end
  local tail = pcall('XREVRANGE', log.stream, '+', head[1] and '(' .. head[2] .. '-' .. head[3] or '-', 'COUNT', 1)
  if tail.err then log.err = tail.err return end
  local exists = #tail > 0 or call('EXISTS', log.stream) == 1
  log.expires = tonumber(head[7] or '')
  local aged, agedFor = string.match(head[8] or '', '^(%d+) (%d+)$')
  log.aged, log.agedFor = tonumber(aged), tonumber(agedFor)
  local expired = not exists and log.expires and now >= log.expires
  if not head[1] or not (exists or expired) then return begin(log, exists) end
  log.epoch, log.seq, log.gen, log.chain = head[1], tonumber(head[2]), tonumber(head[3]), head[5]
  log.first = expired and log.seq + 1 or tonumber(head[6])
  if #tail > 0 then
    moveForeign(log)
    if log.moved >= MOVES then log.err = 'FOREIGN entries are being moved out of the log, and there are more' return end
  end
  if head[4] ~= history then
    log.gen = log.gen + 1 + (tonumber(string.sub(history, 1, 5), 16) or 0)
    log.chain = log.chain .. ' ' .. log.gen .. ':' .. log.seq + 1
    log.isNew = true
  end
end

for i = 1, count do
  local at = 2 + 5 * i
  local log = {
    index = i, stream = KEYS[3 + 2 * i], head = KEYS[4 + 2 * i], text = ARGV[at], live = ARGV[at + 1], shared = ARGV[at + 2] == '1',
    maxCount = tonumber(ARGV[at + 3]), maxAge = tonumber(ARGV[at + 4]), moved = 0, frames = {}, lines = {}, heard = 0,
  }
  log.channel = not log.shared and string.sub(log.text, 5) or nil
  open(log)
  if not log.err then log.idEnd, log.unsaid, log.before = '-' .. log.gen, log.seq + 1, log.seq end
  logs[i] = log
end

-- Marks which logs nobody follows live, and whose own channel has no subscriber. A server alone knows all of them: those of its
-- replicas, and of other nodes of a cluster, it does not count.
local function findUnheard()
  if last - at < MANY then return end
  if not string.find(info, 'connected_slaves:0', 1, true) or not string.find(info, 'cluster_enabled:0', 1, true) then return end
  if pcall('PUBSUB', 'NUMPAT') ~= 0 then return end
  local names = {}
  for i, log in ipairs(logs) do
    names[2 * i - 1] = log.live
    names[2 * i] = log.channel or log.live
  end
  local counts = pcall('PUBSUB', 'NUMSUB', unpack(names))
  for i, log in ipairs(logs) do
    log.liveUnheard = counts[4 * i - 2] == 0
    log.channelUnheard = log.channel and counts[4 * i] == 0
  end
end
findUnheard()

local function isForeign(message)
  return string.find(message, 'equal or smaller', 1, true) or string.find(message, 'exhausted', 1, true)
end

-- What became of the log's messages that have not been spoken of yet: appended up to the number seq, with one count of receivers.
local function sayAppended(log, seq)
  if seq >= log.unsaid then log.lines[#log.lines + 1] = fmt('+%d %d %d', log.unsaid, log.heard, seq - log.unsaid + 1) end
  log.unsaid = seq + 1
end

local function say(log, line)
  if not log.err then sayAppended(log, log.seq) end
  log.lines[#log.lines + 1] = line
end

local function frameOf(log, first)
  local frame = { first = first, left = FRAME_BYTES, pieces = { '' }, sizes = {} }
  log.frames[#log.frames + 1] = frame
  return frame
end

-- Numbers are slow to write in here: the text of one is made from that of its tens, and that of a size is kept.
local DIGITS = { [0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' }
local sizeTexts = {}

-- Appends and publishes the payloads ARGV[from] to ARGV[to]. What it does for each message is most of what a batch costs.
local function append(log, channel, from, to)
  if log.err then
    for _ = from, to do say(log, '-' .. log.err) end
    return
  end
  local stream, idEnd, tens, seq, name = log.stream, log.idEnd, log.tens, log.seq, log.shared and channel
  local publishes, frames = not log.channelUnheard, not log.liveUnheard
  local nameBytes = name and #name or 0
  local texts = sizeTexts[nameBytes] or {}
  sizeTexts[nameBytes] = texts
  local frame = frames and (log.frames[#log.frames] or frameOf(log, seq + 1)) or { pieces = {}, sizes = {}, left = 0 }
  local pieces, sizes, left = frame.pieces, frame.sizes, frame.left
  local piece, size = #pieces, #sizes
  for i = from, to do
    local payload, number = ARGV[i], seq + 1
    local digit = number % 10
    if digit == 0 or not tens then tens = number < 10 and '' or fmt('%d', (number - digit) / 10) end
    local id = tens .. DIGITS[digit] .. idEnd
    local added
    if name then
      added = pcall('XADD', stream, id, stamp, payload, 'n', name)
    else
      added = pcall('XADD', stream, id, stamp, payload)
    end
    if added ~= id and isForeign(added.err) then
      log.seq = seq
      moveForeign(log)
      added = name and pcall('XADD', stream, id, stamp, payload, 'n', name) or pcall('XADD', stream, id, stamp, payload)
    end
    if added == id then
      if publishes then
        local receivers = pcall('PUBLISH', channel, payload)
        if receivers ~= log.heard then
          if type(receivers) ~= 'number' then receivers = 0 end
          if receivers ~= log.heard then
            sayAppended(log, seq)
            log.heard = receivers
          end
        end
      end
      seq = number
      if frames then
        local bytes = #payload
        left = left - bytes - nameBytes
        if left < 0 and size > 0 then
          frame = frameOf(log, seq)
          pieces, sizes, piece, size = frame.pieces, frame.sizes, 1, 0
          left = FRAME_BYTES - bytes - nameBytes
        end
        local text = texts[bytes]
        if not text then
          text = fmt('%d:%d', nameBytes, bytes)
          texts[bytes] = text
        end
        size = size + 1
        sizes[size] = text
        if name then
          piece = piece + 1
          pieces[piece] = name
        end
        piece = piece + 1
        pieces[piece] = payload
      end
    else
      log.seq = seq
      say(log, '-' .. added.err)
    end
  end
  log.seq, log.tens, frame.left = seq, tens, left
end

local marked = 0
local function once(log, channel, window, key, at)
  -- With the name's length, so that no name and key together read as others.
  local mark = 'k' .. #log.text .. ':' .. log.text .. key
  local value = not log.err and call('HGET', KEYS[3], mark)
  if value then
    local expires, id, epoch = string.match(value, '^(%d+) (%S+) (%S+)$')
    if epoch == log.epoch and tonumber(expires) > now then return say(log, '=' .. id) end
  end
  local before = log.seq
  append(log, channel, at, at)
  if log.seq ~= before then
    local expires = fmt('%d', now + window)
    call('HSET', KEYS[3], mark, expires .. ' ' .. fmt('%d', log.seq) .. '-' .. log.gen .. ' ' .. log.epoch)
    call('ZADD', KEYS[4], expires, mark)
    marked = marked + 1
  end
end

local runs = {}
local function runOf(spec)
  local index, size, window, length, rest = string.match(spec, '^(%d+),(%d+),(%d*),(%d+),()')
  local log = logs[tonumber(index)]
  local run = { log = log, size = tonumber(size), window = tonumber(window), key = string.sub(spec, rest + length) }
  run.channel = length == '0' and log.channel or string.sub(spec, rest, rest + length - 1)
  runs[spec] = run
  return run
end

while at < last do
  local run = runs[ARGV[at]] or runOf(ARGV[at])
  if run.window then
    once(run.log, run.channel, run.window, run.key, at + 1)
  else
    append(run.log, run.channel, at + 1, at + run.size)
  end
  at = at + run.size + 1
end

local function timeOf(log, seq)
  local row = call('XRANGE', log.stream, seq .. '-0', '+', 'COUNT', 1)[1]
  if not row then return log.seq + 1, now end
  return tonumber(string.match(row[1], '^%d+')), tonumber(string.match(row[2][1], '^%d+ (%d+)$')) or 0
end

-- The first entry that is young enough, by halving. Until `aged` there is none to drop, if the age is what it was then
-- and the clock has not gone back since.
local function dropAged(log)
  if not log.maxAge or (log.agedFor == log.maxAge and now < log.aged and log.aged <= now + log.maxAge) then return end
  local low, high, limit = log.first, log.seq + 1, now - log.maxAge
  while low < high do
    local middle = math.floor((low + high) / 2)
    local seq, t = timeOf(log, middle)
    if t < limit then low = math.max(seq, middle) + 1 else high = middle end
  end
  log.first = math.min(low, log.seq + 1)
  local _, t = timeOf(log, log.first)
  log.aged = math.max(t + log.maxAge, now + math.ceil(log.maxAge / 100))
  call('HSET', log.head, 'aged', fmt('%d %d', log.aged, log.maxAge))
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
    -- Written first: a time that is past by now takes the key away at once, and it must not come back without one.
    call('HSET', log.head, 'expires', fmt('%d', log.expires))
    call('PEXPIREAT', log.stream, fmt('%d', log.expires))
    call('PEXPIREAT', log.head, fmt('%d', log.expires + log.maxAge))
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
    log.chain, log.isNew = string.match(log.chain, ' (.*)$'), true
  end
  local seq, oldest = fmt('%d', log.seq), fmt('%d', log.first)
  if log.isNew then
    call('HSET', log.head, 'seq', seq, 'first', oldest, 'epoch', log.epoch, 'gen', fmt('%d', log.gen), 'history', history,
      'chain', log.chain)
  else
    call('HSET', log.head, 'seq', seq, 'first', oldest)
  end
  expire(log)
  call('ZADD', KEYS[2], counter, log.text)
end

local lines = {}
for i = 1, count do
  local log = logs[i]
  local receivers = 0
  local changed = not log.err and log.seq > log.before
  if changed then settle(log) end
  for _, frame in ipairs(changed and log.frames or {}) do
    local heading = fmt('%s %d %d %s %s\n', log.epoch, log.gen, frame.first, counter, nowText)
    frame.pieces[1] = heading .. concat(frame.sizes, ' ') .. '\n'
    local heard = pcall('PUBLISH', log.live, concat(frame.pieces))
    receivers = type(heard) == 'number' and heard or 0
  end
  if not log.err then sayAppended(log, log.seq) end
  lines[#lines + 1] = fmt('%s %d %d %d %d', log.epoch or '?', log.gen or 0, receivers, log.moved, #log.lines)
  for _, line in ipairs(log.lines) do lines[#lines + 1] = line end
end

-- Logs that are gone leave the registry, faster than new ones come: of those that have not changed for longest, and where
-- some of these still are, of any.
local function sweep(texts)
  local gone = 0
  for _, text in ipairs(texts) do
    if call('EXISTS', prefix .. 'head:' .. text) == 1 then return gone end
    gone = gone + 1
    pcall('ZREM', KEYS[2], text)
  end
  return gone
end
local looks = (isRound and ROUND or 0) + 2 * born
if looks > 0 and sweep(call('ZRANGE', KEYS[2], 0, looks - 1)) < looks then
  -- Where many are gone, at once some more.
  for _ = 1, 8 do
    local gone = 0
    for _, text in ipairs(pcall('ZRANDMEMBER', KEYS[2], looks)) do gone = gone + sweep({ text }) end
    if gone < looks / 4 then break end
  end
end
local most = (isRound and 4 * ROUND or 0) + 2 * marked
local old = most > 0 and pcall('ZRANGEBYSCORE', KEYS[4], '-inf', nowText, 'LIMIT', 0, most) or {}
if #old > 0 then
  pcall('HDEL', KEYS[3], unpack(old))
  pcall('ZREM', KEYS[4], unpack(old))
end

local reply = concat(lines, '\n')
pcall('HSET', KEYS[3], slot, batch .. ' ' .. reply)
pcall('ZADD', KEYS[4], fmt('%d', now + tonumber(ARGV[4])), slot)
return reply
