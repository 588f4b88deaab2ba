-- A change of state: advance() before it is written, tell() after it.
local CHANGES, KEPT = 128, 100
local BROADCASTS = { 'br', 'bu', 'ba', 'bd', 'bs', 'bt' }

-- Where each generation begins, as far as entries of it are kept.
local function chainText()
  return inbox.chain or inbox.gen .. ':1'
end

local function nextGeneration()
  return text(inbox.gen + 1 + (tonumber(string.sub(serverHistory(), 1, 5), 16) or 0))
end

-- Where the server has another history than when this was last written, what was written since may be lost.
local function openGeneration()
  if serverHistory() == inbox.history then return end
  local gen, next, first = inbox.gen, nextGeneration(), text(inbox.seq + 1)
  -- A generation that has written nothing goes, as do those of which nothing is left.
  local oldest = call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  oldest = tonumber(oldest and match(oldest[1], '^%d+') or first)
  for _, member in ipairs(call('ZRANGE', prefix .. 'rv', 0, -1)) do
    oldest = math.min(oldest, tonumber(member) or oldest)
  end
  local chain, kept = string.gsub(chainText(), ' ?%d+:' .. first .. '$', ''), {}
  for each, from in string.gmatch(chain .. ' ' .. next .. ':' .. first, '(%d+):(%d+)') do
    if tonumber(from) <= oldest then kept = {} end
    kept[#kept + 1] = each .. ':' .. from
  end
  set('lastGen', gen)
  set('lastRev', inbox.rev)
  set('gen', next)
  set('history', history)
  set('chain', concat(kept, ' '))
end

local function idOf(seq)
  local gen = inbox.gen
  for each, first in string.gmatch(chainText(), '(%d+):(%d+)') do
    if tonumber(first) <= tonumber(seq) then gen = each end
  end
  return seq .. '-' .. gen
end

-- Marks of broadcasts that are no more.
local function prune()
  local first = tonumber(atFirst)
  if atEpoch == '' or first <= tonumber(inbox.kept or 1) then return end
  local function drop(name, places)
    for _, place in ipairs(places) do
      if tonumber(match(place, '^%d+')) < first then take(name, place) end
    end
  end
  for _, name in ipairs({ 'br', 'bu', 'ba', 'bd' }) do
    if sets[name] then call('ZREMRANGEBYSCORE', prefix .. name, '-inf', '(' .. atFirst) end
  end
  if sets.bs then drop('bs', call('ZRANGE', prefix .. 'bs', 0, -1)) end
  if sets.bt then drop('bt', call('HKEYS', prefix .. 'bt')) end
  set('kept', atFirst)
end

-- The first write of a change: where it is refused, nothing has happened.
local function advance()
  check('rv')
  for _, name in ipairs(BROADCASTS) do
    if sets[name] then check(name) end
  end
  openGeneration()
  set('rev', text(inbox.rev + 1))
  save()
  prune()
end

local function findDue()
  local least
  for _, name in ipairs({ 'sn', 'xp', 'bs' }) do
    local first = sets[name] and tonumber(call('ZRANGE', prefix .. name, 0, 0, 'WITHSCORES')[2])
    if first and (not least or first < least) then least = first end
  end
  local due = least and text(least) or ''
  if due ~= (inbox.due or '') then set('due', due) end
end

local function remember(members)
  local key, count = prefix .. 'rv', #members / 2
  if count == 0 then return end
  if count > CHANGES then
    call('UNLINK', key)
    return set('floor', inbox.rev)
  end
  local drop = call('ZCARD', key) + count
  if drop > CHANGES then
    drop = drop - count - math.min(KEPT, CHANGES - count)
    if drop > 0 then
      set('floor', call('ZRANGE', key, drop - 1, drop - 1, 'WITHSCORES')[2])
      call('ZREMRANGEBYRANK', key, 0, drop - 1)
    end
  end
  call('ZADD', key, unpack(members))
end

local function listed(places)
  return #places == 0 and '-' or concat(places, ',')
end

-- What came or has changed, what is gone, and broadcasts, '*' for all.
local function tell(kind, own, removed, marks)
  local members, rev = {}, inbox.rev
  local function add(member)
    members[#members + 1] = rev
    members[#members + 1] = member
  end
  for _, id in ipairs(own) do add(match(id, '^%d+')) end
  for _, id in ipairs(removed) do add(match(id, '^%d+')) end
  if marks == '*' then
    add('bw')
  else
    for _, place in ipairs(marks) do add('b' .. place) end
  end
  remember(members)
  if sets.sn or sets.xp or sets.bs then findDue() end
  save()
  local due = inbox.due
  pcall('PUBLISH', prefix .. 'live', concat({
    '1', inbox.epoch, inbox.gen, rev, kind, text(now), due and due ~= '' and due or '-', listed(own), listed(removed),
    marks == '*' and '*' or listed(marks),
  }, ' '))
end
