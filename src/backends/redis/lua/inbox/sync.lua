-- sync: epoch, gen and rev of the version that is known.

if op == 'sync' then
  local gen, since = ARGV[5], tonumber(ARGV[6])
  if ARGV[4] == '' and inbox.epoch == '' then return { state(), 0, '', '', {} } end
  local known = gen == inbox.gen or (gen == inbox.lastGen and since <= tonumber(inbox.lastRev))
  if ARGV[4] ~= inbox.epoch or since > tonumber(inbox.rev) or not known or since < tonumber(inbox.floor or 0) then
    return { state(), 1, '', '', {} }
  end
  local seqs, marks, all, unseen, whole = {}, {}, false, nil, since == tonumber(inbox.rev)
  for _, member in ipairs(call('ZRANGEBYSCORE', prefix .. 'rv', '(' .. ARGV[6], '+inf')) do
    if member == '!' then
      whole = true
    elseif member == 'bw' then
      all = true
    elseif string.sub(member, 1, 1) == 'b' then
      marks[#marks + 1] = string.sub(member, 2)
    elseif string.sub(member, 1, 1) == 's' then
      unseen = math.min(unseen or 2 ^ 53, tonumber(string.sub(member, 2)))
    else
      seqs[#seqs + 1] = member
    end
  end
  if not whole then return { state(), 1, '', '', {} } end
  if unseen then
    -- What has been seen since is what is between the marks.
    local named = {}
    for _, seq in ipairs(seqs) do named[seq] = true end
    for _, seq in ipairs(numbersOf(call('XRANGE', stream, text(unseen + 1), inbox.seen))) do
      if not named[seq] then seqs[#seqs + 1] = seq end
    end
  end
  local rows, there, removed = rowsOf(seqs, #seqs), {}, {}
  for _, seq in ipairs(numbersOf(rows)) do there[seq] = true end
  for _, seq in ipairs(seqs) do
    if not there[seq] then removed[#removed + 1] = idOf(seq) end
  end
  return { state(), 0, concat(removed, ','), all and '*' or concat(marks, ','), entriesOf(rows) }
end
