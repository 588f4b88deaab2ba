-- send: 1 to look first whether this request has been carried out, channel, user id as JSON, type's index, body, most
-- entries; then pairs of what there is: topic, group (both with a colon in front), expires, dedupe and window, max,
-- within and summary, followers, imported (read or unread).
if op == 'send' then
  local minute = math.floor(now / 60000)
  local requests = prefix .. 'q' .. minute
  if ARGV[4] == '1' then
    local before = call('HGET', requests, ARGV[2]) or call('HGET', prefix .. 'q' .. minute - 1, ARGV[2])
    if before then
      local kind, rest = match(before, '^(%S+) (.*)$')
      return concat({ kind == 's' and 'stored' or 'collapsed', inbox.epoch, rest }, ' ')
    end
  end
  local channel, user, index, body, most = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
  local option = {}
  for i = 10, #ARGV, 2 do option[ARGV[i]] = ARGV[i + 1] end

  if sets.mu then
    local key = prefix .. 'mu'
    if call('ZSCORE', key, 't:' .. index) then return 'muted' end
    if option.topic and call('ZSCORE', key, 'o' .. option.topic) then return 'muted' end
  end
  if option.followers then
    local topic = option.topic and string.sub(option.topic, 2)
    if not (topic and sets.tp and call('ZSCORE', prefix .. 'tp', topic)) then return 'not-following' end
  end

  -- The JSON of the user id ends where it does: no user and key together read as others.
  local mark = option.dedupe and 'u' .. user .. option.dedupe
  if mark then
    local known = call('HGET', KEYS[2], mark)
    call('ZCARD', KEYS[3])
    local expires, place, epoch = match(known or '', '^(%d+) (%S+) (%S+)$')
    if expires and tonumber(expires) > now then return concat({ 'duplicate', epoch, place, '0' }, ' ') end
  end

  local kind, group, expires = 'stored', option.group, option.expires
  if option.max then
    local since, sent = tonumber(inbox.since), tonumber(inbox.sent)
    -- A window that begins later than now is of a clock that has been set back.
    if not since or now >= since + tonumber(option.within) or now < since then
      since, sent = now, 0
      set('since', nowText)
      set('sent', '0')
    end
    if sent < tonumber(option.max) then
      set('sent', text(sent + 1))
    else
      kind, group, expires, body = 'collapsed', 'summary', nil, option.summary
    end
  end

  local former, count
  local goes, removed, members = {}, {}, {}
  if group then
    check('gr')
    local before = sets.gr and call('HGET', prefix .. 'gr', group)
    former = before and find(before)
    local state = former and stateOf(former)
    count = text((state == 'unread' or state == 'snoozed') and (former.c or 1) + 1 or 1)
    if former then goes[1] = former end
  end
  local excess = length + (former and 0 or 1) - most
  if excess > 0 then
    for _, row in ipairs(call('XRANGE', stream, '-', inbox.seq, 'COUNT', excess + (former and 1 or 0))) do
      if not former or row[1] ~= former.id then goes[#goes + 1] = entryOf(row) end
    end
    while #goes > excess + (former and 1 or 0) do goes[#goes] = nil end
  end
  for i, entry in ipairs(goes) do
    checkRemoval(entry)
    members[i] = entry.seq
  end
  if expires then check('xp') end
  local fresh = call('HLEN', requests) == 0
  if kind == 'collapsed' then body = string.gsub(body, '{count}', count) end

  openGeneration()
  local head = inbox.seq
  local seq = text(head + 1)
  set('seq', seq)
  local unread = option.imported ~= 'read' and using('u' .. index)
  if expires then using('xp') end
  if group then using('gr') end
  advance()
  -- The two that nothing has looked at before come first: where they fail, a number and a rev are left out.
  members[#members + 1] = seq
  local refused = note(members)
  if refused then return refused end
  refused = unread and pcall('ZADD', unread, seq, seq)
  if type(refused) == 'table' then return refused end

  local id = seq .. '-' .. inbox.gen
  local values = { index, body }
  local function value(name, content)
    values[#values + 1] = name
    values[#values + 1] = content
  end
  if group then value('k', group) end
  if count and count ~= '1' then value('c', count) end
  if expires then value('x', expires) end
  local added = pcall('XADD', stream, id, unpack(values))
  if added ~= id then
    local message = added.err
    if not string.find(message, 'equal or smaller', 1, true) and not string.find(message, 'exhausted', 1, true) then
      if unread then call('ZREM', unread, seq) end
      return added
    end
    -- What somebody else has written behind the newest is in the way, and goes.
    repeat
      local tail = call('XRANGE', stream, seq, '+', 'COUNT', 1000)
      for _, row in ipairs(tail) do call('XDEL', stream, row[1]) end
    until #tail < 1000
    call('XSETID', stream, head .. '-' .. inbox.gen)
    call('XADD', stream, id, unpack(values))
    excess = call('XLEN', stream) - (former and 1 or 0) - most
    while #goes > math.max(0, excess) + (former and 1 or 0) do goes[#goes] = nil end
  end
  if expires then call('ZADD', prefix .. 'xp', expires, seq) end
  for i, entry in ipairs(goes) do
    remove(entry)
    removed[i] = entry.id
  end
  if group then call('HSET', prefix .. 'gr', group, seq) end

  local counted = count and '"count":' .. count .. ',' or ''
  local receivers = not option.imported and pcall('PUBLISH', channel, concat({
    '{"id":"n', id, '@', inbox.epoch, '","user_id":', user, ',"read":false,', counted, string.sub(body, 2),
  }))
  publish(option.imported and 'changed' or 'sent', { id }, removed, {})

  local rest = id .. ' ' .. (type(receivers) == 'number' and receivers or 0)
  call('HSET', requests, ARGV[2], string.sub(kind, 1, 1) .. ' ' .. rest)
  if fresh then call('PEXPIRE', requests, 120000) end
  if mark then
    local forgotten = text(now + tonumber(option.window))
    call('HSET', KEYS[2], mark, concat({ forgotten, id, inbox.epoch }, ' '))
    call('ZADD', KEYS[3], forgotten, mark)
    local old = call('ZRANGEBYSCORE', KEYS[3], '-inf', nowText, 'LIMIT', 0, 64)
    if #old > 0 then
      call('HDEL', KEYS[2], unpack(old))
      call('ZREM', KEYS[3], unpack(old))
    end
  end
  return concat({ kind, inbox.epoch, rest }, ' ')
end
