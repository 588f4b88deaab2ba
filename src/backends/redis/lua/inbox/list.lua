-- list: the view, most entries, the number below which it begins or nothing, and "peek" where nobody is to join.

if op == 'list' then
  local view, limit, before = ARGV[4], tonumber(ARGV[5]), ARGV[6]
  local want, rows = limit + 1, {}

  -- Of a page, what a view of the inbox does not show.
  local function hidden(page)
    local seqs = numbersOf(page)
    local away = {}
    if sets.ar then
      local archived = call('ZRANGEBYSCORE', prefix .. 'ar', seqs[#seqs], seqs[1])
      for _, seq in ipairs(archived) do away[seq] = true end
    end
    local snoozed = sets.sn and call('ZMSCORE', prefix .. 'sn', unpack(seqs)) or {}
    for i, seq in ipairs(seqs) do away[seq] = away[seq] or snoozed[i] end
    return away, seqs
  end

  if view == 'all' or view == 'inbox' then
    local all = view == 'all' or not (sets.ar or sets.sn)
    local top = inbox.seq
    if before ~= '' then top = text(math.max(0, math.min(before - 1, tonumber(top)))) end
    local size = all and want or math.min(want, 1000)
    repeat
      local page = call('XREVRANGE', stream, top, '-', 'COUNT', size)
      if all then
        rows = page
      elseif #page > 0 then
        local away, seqs = hidden(page)
        for i, row in ipairs(page) do
          if #rows < want and not away[seqs[i]] then rows[#rows + 1] = row end
        end
        top = '(' .. page[#page][1]
      end
    until all or #page < size or #rows >= want
  else
    local seqs, high = {}, before == '' and '+inf' or '(' .. before
    local function newest(name)
      if not sets[name] then return end
      for _, seq in ipairs(call('ZREVRANGEBYSCORE', prefix .. name, high, '-inf', 'LIMIT', 0, want)) do
        seqs[#seqs + 1] = seq
      end
    end
    if view == 'unread' then
      for i = 0, 3 do newest('u' .. i) end
    elseif view == 'archived' then
      newest('ar')
    else
      for _, seq in ipairs(members('sn', 'ZRANGE', prefix .. 'sn', 0, -1)) do
        if before == '' or tonumber(seq) < tonumber(before) then seqs[#seqs + 1] = seq end
      end
    end
    rows = rowsOf(seqs, want)
  end
  local more = #rows > limit
  if more then rows[#rows] = nil end
  local is = state()
  if type(is) == 'string' and #rows <= 1000 and not (sets.sn or sets.ed or sets.at) then
    local page, fields = textOf(rows, { more and '1' or '0', is })
    return #fields == 0 and page or { page, fields }
  end
  return { is, more and 1 or 0, entriesOf(rows) }
end
