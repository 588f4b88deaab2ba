-- Marks of broadcasts: one user's, on what all users share.

local function parsed(place)
  local seq, gen = match(place, '^(%d+)%-(%d+)$')
  return tonumber(seq), tonumber(gen)
end

local function isUpTo(place, mark)
  local seq, gen = parsed(place)
  local markSeq, markGen = parsed(mark)
  return seq <= markSeq and gen <= markGen
end

local function isIn(name, place)
  return sets[name] and call('ZSCORE', prefix .. name, place) or false
end

local function add(name, place)
  call('ZADD', using(name), (parsed(place)), place)
end

local function watermark()
  return inbox.watermark or inbox.joined
end

local function setRead(place)
  if isUpTo(place, watermark()) then take('bu', place) else add('br', place) end
end

local function setUnread(place)
  if isUpTo(place, watermark()) then add('bu', place) else take('br', place) end
end

if targets then
  local action, begin, outcomes, places, told = targets.action, targets.begin, targets.outcomes, {}, {}

  local function stateOfBroadcast(place)
    if isIn('ba', place) then return 'archived' end
    local wakes = isIn('bs', place)
    if wakes then return 'snoozed', wakes end
    if isUpTo(place, watermark()) then return isIn('bu', place) and 'unread' or 'read' end
    return isIn('br', place) and 'read' or 'unread'
  end

  -- True where something has changed.
  local apply = {
    read = function(place, was)
      if was == 'read' or was == 'archived' then return false end
      begin()
      setRead(place)
      take('bs', place)
      return true
    end,
    unread = function(place, was)
      if was == 'unread' then return false end
      begin()
      setUnread(place)
      take('ba', place)
      take('bs', place)
      return true
    end,
    archive = function(place, was)
      if was == 'archived' then return false end
      begin()
      setRead(place)
      take('bs', place)
      add('ba', place)
      return true
    end,
    snooze = function(place, was, wakes)
      if was == 'snoozed' and tonumber(wakes) == targets.wakes then return false end
      begin()
      setUnread(place)
      take('ba', place)
      call('ZADD', using('bs'), targets.content, place)
      return true
    end,
    act = function(place)
      if sets.bt and call('HEXISTS', prefix .. 'bt', place) == 1 then return false end
      begin()
      call('HSET', using('bt'), place, targets.content)
      return true
    end,
    delete = function(place)
      begin()
      for _, name in ipairs({ 'br', 'bu', 'ba', 'bs', 'bt' }) do take(name, place) end
      add('bd', place)
      return true
    end,
  }

  for i = targets.from, #ARGV do
    local place, expires = match(ARGV[i], '^(%d+%-%d+)@?(%d*)$')
    local outcome, over = UNKNOWN, expires ~= '' and tonumber(expires) <= now
    if op ~= 'edit' and op ~= 'recall' and not over and not isUpTo(place, inbox.joined) and not isIn('bd', place) then
      outcome = ALREADY
      if apply[action](place, stateOfBroadcast(place)) then
        outcome = CHANGED
        if not told[place] then places[#places + 1] = place end
        told[place] = true
      end
    end
    outcomes[#outcomes + 1] = outcome
  end
  if #targets.own + #places > 0 then
    if action == 'delete' then
      tell('removed', {}, targets.own, places)
    else
      tell('changed', targets.own, {}, places)
    end
  end
  return { state(), concat(outcomes) }
end
