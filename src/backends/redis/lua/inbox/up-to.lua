-- read-all, see-all: up to an own one as <seq>-<gen>@<epoch>, and up to the place of a broadcast; either may be empty.

if op == 'read-all' or op == 'see-all' then
  checkUsed('bu')
  local begun = false
  local function begin()
    if not begun then advance() end
    begun = true
  end

  -- In the order of writing: whatever its number, what a later generation wrote is later.
  local function isAfter(place, other)
    local seq, gen = parsed(place)
    local otherSeq, otherGen = parsed(other)
    return gen > otherGen or (gen == otherGen and seq > otherSeq)
  end

  -- The number up to which an own mark holds: never for what a later generation has written.
  local function ownEnd()
    local seq, gen, epoch = match(ARGV[4], '^(%d+)%-(%d+)@(.*)$')
    if epoch ~= inbox.epoch then return end
    seq = math.min(tonumber(seq), tonumber(inbox.seq))
    for each, first in string.gmatch(chainText(), '(%d+):(%d+)') do
      if tonumber(each) > tonumber(gen) then return math.min(seq, first - 1) end
    end
    return seq
  end

  local function readOwn(last)
    local own = {}
    for i = 0, 3 do
      local name = 'u' .. i
      local seqs = sets[name] and call('ZRANGEBYSCORE', prefix .. name, '-inf', text(last)) or {}
      if #seqs > 0 then
        begin()
        call('ZREMRANGEBYSCORE', prefix .. name, '-inf', text(last))
        for _, seq in ipairs(seqs) do own[#own + 1] = idOf(seq) end
      end
    end
    return own
  end

  -- Snoozed ones up to the mark wake unread; all others up to it are read.
  local function readMarks(mark)
    local marked = isAfter(mark, watermark())
    local snoozed = {}
    local function past(name)
      local places = {}
      for _, place in ipairs(members(name, 'ZRANGE', prefix .. name, 0, -1)) do
        if isUpTo(place, mark) then places[#places + 1] = place end
      end
      return places
    end
    for _, place in ipairs(past('bs')) do snoozed[place] = true end
    if marked then
      begin()
      set('watermark', mark)
      for _, place in ipairs(past('br')) do take('br', place) end
      for place in pairs(snoozed) do add('bu', place) end
    end
    for _, place in ipairs(past('bu')) do
      if not snoozed[place] then
        begin()
        take('bu', place)
        marked = true
      end
    end
    return marked
  end

  local own, marked, before = {}, false, nil
  local last = ARGV[4] ~= '' and ownEnd()
  if last and op == 'read-all' then own = readOwn(last) end
  if last and op == 'see-all' and last > tonumber(inbox.seen or 0) then
    begin()
    before = inbox.seen or '0'
    set('seen', text(last))
  end
  if ARGV[5] ~= '' and atEpoch == inbox.log then
    local mark = isAfter(ARGV[5], atPlace) and atPlace or ARGV[5]
    if op == 'read-all' then
      marked = readMarks(mark)
    elseif isAfter(mark, inbox.looked or inbox.joined) then
      begin()
      set('looked', mark)
      marked = true
    end
  end
  if begun then tell('all', own, {}, marked and '*' or {}, before) end
  return { state(), begun and CHANGED or ALREADY }
end
