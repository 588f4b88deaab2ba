-- What all parts use: the time, the inbox's hash, which keys there are.
local call, pcall, fmt, concat, match = redis.call, redis.pcall, string.format, table.concat, string.match
local KEYS, ARGV = KEYS, ARGV
local op, prefix = ARGV[1], string.sub(KEYS[1], 1, -2)
local stream = prefix .. 's'
local atEpoch, atPlace, atFirst = match(ARGV[3], '^(%w*) (%d+%-%d+) (%d+)$')
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nowText = fmt('%.0f', now)

-- Whole numbers up to 2^53; by itself Lua writes 14 digits.
local function text(number)
  return fmt('%.0f', number)
end

local inbox, unsaved, sets, checked = {}, {}, {}, {}
local fields = call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do inbox[fields[i]] = fields[i + 1] end
if inbox.sets then
  for name in string.gmatch(inbox.sets, '(..),') do sets[name] = true end
end

local function set(field, value)
  inbox[field] = value
  unsaved[#unsaved + 1] = field
  unsaved[#unsaved + 1] = value
end

local function save()
  if #unsaved == 0 then return end
  call('HSET', KEYS[1], unpack(unsaved))
  unsaved = {}
end

local OWN = 'u0 u1 u2 u3 ar sn xp ed at gr'
local BROADCASTS = 'br bu ba bd bs bt'
local NAMES = OWN .. ' rv ' .. BROADCASTS .. ' mu tp'
local IS_HASH = { ed = true, at = true, gr = true, bt = true }

local function each(names)
  return string.gmatch(names, '%S+')
end

-- Fails, before anything is written, where somebody has put something else there.
local function check(name)
  if checked[name] then return end
  call(IS_HASH[name] and 'HLEN' or 'ZCARD', prefix .. name)
  checked[name] = true
end

local function checkAll(names)
  for name in each(names) do check(name) end
end

-- Before a change: all that there is, what all changes write, and what this one may add.
local function checkUsed(added)
  for name in each(NAMES) do
    if sets[name] then check(name) end
  end
  checkAll('rv ' .. added)
end

-- The key of something that will have a member.
local function using(name)
  if not sets[name] then
    sets[name] = true
    set('sets', (inbox.sets or '') .. name .. ',')
  end
  return prefix .. name
end

local function take(name, member)
  return sets[name] and call(IS_HASH[name] and 'HDEL' or 'ZREM', prefix .. name, member) == 1
end

local history
local function serverHistory()
  history = history or string.sub(match(call('INFO', 'replication'), 'master_replid:(%x+)') or 'none', 1, 16)
  return history
end
