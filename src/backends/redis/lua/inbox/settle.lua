-- What is due: expired ones go, snoozed ones wake unread, all as one change.

if inbox.due and inbox.due ~= '' and now >= tonumber(inbox.due) then
  local function due(name)
    return sets[name] and call('ZRANGEBYSCORE', prefix .. name, '-inf', nowText) or {}
  end
  local expired, woken, marks = due('xp'), due('sn'), due('bs')
  if #expired + #woken + #marks == 0 then
    findDue()
    save()
  else
    checkUsed('')
    advance()
    local own, removed = {}, {}
    for _, seq in ipairs(expired) do
      local entry = find(seq)
      if entry then
        remove(entry)
        removed[#removed + 1] = entry.id
      else
        take('xp', seq)
      end
    end
    for _, seq in ipairs(woken) do
      local entry = take('sn', seq) and find(seq)
      if entry then
        call('ZADD', using('u' .. entry.type), seq, seq)
        own[#own + 1] = entry.id
      end
    end
    for _, place in ipairs(marks) do take('bs', place) end
    length = call('XLEN', stream)
    arrived = true
    tell('changed', own, removed, marks)
  end
end
