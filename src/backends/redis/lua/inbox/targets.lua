-- read, unread, archive, delete, recall, snooze, act, edit: what the last three need, the number of own ones, these as
-- <seq>-<gen>@<epoch>, and the places of broadcasts, those that expire with @<time>. Own ones here, broadcasts in the next part.

local CHANGED, ALREADY, UNKNOWN = 'c', 'a', 'u'
-- What each may add to, beside the unread ones, which are there since the first of their type.
local TARGETED = {
  read = 'br', unread = 'bu', archive = 'ar br ba', delete = 'bd', recall = '', snooze = 'sn bu bs', act = 'at bt',
  edit = 'ed',
}
local targets

if TARGETED[op] then
  local content, action = ARGV[4], op
  local wakes = op == 'snooze' and tonumber(content)
  if wakes and wakes <= now then action = 'unread' end
  if op == 'recall' then action = 'delete' end

  local begun = false
  local function begin()
    if not begun then advance() end
    begun = true
  end

  local function move(entry, was, name, score)
    begin()
    if name then call('ZADD', using(name), score or entry.seq, entry.seq) end
    if was == 'unread' then take('u' .. entry.type, entry.seq) end
    if was == 'archived' then take('ar', entry.seq) end
    if was == 'snoozed' and name ~= 'sn' then take('sn', entry.seq) end
    return true
  end

  -- True where something has changed.
  local apply = {
    read = function(entry, was)
      return was ~= 'read' and was ~= 'archived' and move(entry, was)
    end,
    unread = function(entry, was)
      return was ~= 'unread' and move(entry, was, 'u' .. entry.type)
    end,
    archive = function(entry, was)
      return was ~= 'archived' and move(entry, was, 'ar')
    end,
    snooze = function(entry, was, until_)
      return not (was == 'snoozed' and tonumber(until_) == wakes) and move(entry, was, 'sn', content)
    end,
    delete = function(entry)
      begin()
      remove(entry)
      return true
    end,
    act = function(entry)
      if sets.at and call('HEXISTS', prefix .. 'at', entry.seq) == 1 then return false end
      begin()
      call('HSET', using('at'), entry.seq, content)
      return true
    end,
    edit = function(entry)
      if (sets.ed and call('HGET', prefix .. 'ed', entry.seq) or entry.body) == content then return false end
      begin()
      call('HSET', using('ed'), entry.seq, content)
      return true
    end,
  }

  checkUsed(TARGETED[op])
  local own, outcomes, told = {}, {}, {}
  local last = 5 + tonumber(ARGV[5])
  for i = 6, last do
    local id, epoch = match(ARGV[i], '^(%d+%-%d+)@(.*)$')
    local entry = epoch == inbox.epoch and find(id)
    local outcome = UNKNOWN
    if entry then
      outcome = ALREADY
      if apply[action](entry, stateOf(entry)) then
        outcome = CHANGED
        if not told[id] then own[#own + 1] = id end
        told[id] = true
      end
    end
    outcomes[#outcomes + 1] = outcome
  end
  targets = {
    action = action, content = content, wakes = wakes, begin = begin, own = own, outcomes = outcomes, from = last + 1,
  }
end
