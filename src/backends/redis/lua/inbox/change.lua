-- A change of state: advance() before it is written, tell() after it.

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

-- The first write of a change: where it is refused, nothing has happened.
local function advance()
  openGeneration()
  local pruning = atEpoch ~= '' and tonumber(atFirst) > tonumber(inbox.kept or 1)
  if pruning then
    checkAll(BROADCASTS)
    set('kept', atFirst)
  end
  set('rev', text(inbox.rev + 1))
  save()
  if not pruning then return end
  -- Marks of broadcasts that are no more.
  for name in each('br bu ba bd') do
    if sets[name] then call('ZREMRANGEBYSCORE', prefix .. name, '-inf', '(' .. atFirst) end
  end
  local function drop(name, places)
    for _, place in ipairs(places) do
      if tonumber(match(place, '^%d+')) < tonumber(atFirst) then take(name, place) end
    end
  end
  if sets.bs then drop('bs', call('ZRANGE', prefix .. 'bs', 0, -1)) end
  if sets.bt then drop('bt', call('HKEYS', prefix .. 'bt')) end
end

local function findDue()
  local least
  for name in each('sn xp bs') do
    local first = sets[name] and tonumber(call('ZRANGE', prefix .. name, 0, 0, 'WITHSCORES')[2])
    if first and (not least or first < least) then least = first end
  end
  local due = least and text(least) or ''
  if due ~= (inbox.due or '') then set('due', due) end
end

-- Notes members with the rev; returns what kept it from it. How many there are is looked up at every eighth rev and for
-- more than two: with fewer in between there are never more than 128, which Redis keeps in little space, and never less
-- than the last 100. Behind all others there is '!': where it is not, somebody else has taken the key away, and with it
-- what was noted before this rev.
local function note(members)
  local key, count = prefix .. 'rv', #members
  if count > 112 then
    call('UNLINK', key)
    set('floor', inbox.rev)
    return
  end
  if count > 2 or inbox.rev % 8 == 0 then
    local size = pcall('ZCARD', key)
    if type(size) == 'table' then return size end
    local drop = size - math.min(101, 114 - count)
    if size + count > 112 and drop > 0 then
      set('floor', call('ZRANGE', key, drop - 1, drop - 1, 'WITHSCORES')[2])
      call('ZREMRANGEBYRANK', key, 0, drop - 1)
    end
  end
  local added
  if count == 1 then
    added = pcall('ZADD', key, 'inf', '!', inbox.rev, members[1])
  else
    local scored = { 'inf', '!' }
    for i = 1, count do
      scored[2 * i + 1] = inbox.rev
      scored[2 * i + 2] = members[i]
    end
    added = pcall('ZADD', key, unpack(scored))
  end
  if type(added) == 'table' then return added end
  if added > count and inbox.rev ~= '1' then set('floor', text(inbox.rev - 1)) end
end

local function listed(places)
  return #places == 0 and '-' or concat(places, ',')
end

-- What came or has changed, what is gone, and broadcasts, '*' for all.
local function publish(kind, own, removed, marks)
  if sets.sn or sets.xp or sets.bs then findDue() end
  save()
  local due = inbox.due
  pcall('PUBLISH', prefix .. 'live', concat({
    '1', inbox.epoch, inbox.gen, inbox.rev, kind, nowText, due and due ~= '' and due or '-', listed(own),
    listed(removed), marks == '*' and '*' or listed(marks),
  }, ' '))
end

-- unseen: the number up to which own ones were seen before, where that has moved.
local function tell(kind, own, removed, marks, unseen)
  local members = { unseen and 's' .. unseen }
  for _, id in ipairs(own) do members[#members + 1] = match(id, '^%d+') end
  for _, id in ipairs(removed) do members[#members + 1] = match(id, '^%d+') end
  if marks == '*' then
    members[#members + 1] = 'bw'
  else
    for _, place in ipairs(marks) do members[#members + 1] = 'b' .. place end
  end
  note(members)
  publish(kind, own, removed, marks)
end
