-- The beginning of every call: whoever is new joins, but not by sync, settle, or a list that ends with "peek".

if op == 'erase' then
  local minute = math.floor(now / 60000)
  local keys = { KEYS[1], stream, prefix .. 'q' .. minute, prefix .. 'q' .. minute - 1 }
  for name in each(NAMES) do keys[#keys + 1] = prefix .. name end
  local gen = inbox.epoch and serverHistory() ~= inbox.history and nextGeneration() or inbox.gen
  local any = call('UNLINK', unpack(keys)) > 0
  if inbox.epoch then
    local frame = { '1', inbox.epoch, gen, text(inbox.rev + 1), 'erased', nowText, '- - - -' }
    pcall('PUBLISH', prefix .. 'live', concat(frame, ' '))
  end
  return any and 1 or 0
end

local arrived = false
local length = call('XLEN', stream)
if not inbox.epoch or (length == 0 and inbox.seq ~= '0' and call('EXISTS', stream) == 0) then
  -- A stream without its hash, or a hash without its stream, is what is left of an inbox that has been lost. Of that
  -- only what the user has muted and follows goes on.
  local keys = { KEYS[1], stream }
  for name in each(NAMES) do keys[#keys + 1] = prefix .. name end
  local found = call('EXISTS', unpack(keys)) > 0
  if found then
    checkAll(NAMES)
    keys[#keys], keys[#keys - 1] = nil, nil
    call('UNLINK', unpack(keys))
  end
  inbox, sets, unsaved, length = {}, {}, {}, 0
  if not found and (op == 'sync' or op == 'settle' or (op == 'list' and ARGV[7] == 'peek')) then
    local behind = '9007199254740991-9007199254740991'
    inbox = { epoch = '', seq = '0', gen = '0', rev = '0', log = '', joined = behind }
  else
    if found then
      using('mu')
      using('tp')
    end
    set('epoch', ARGV[2])
    set('seq', '0')
    set('gen', '1')
    set('history', serverHistory())
    set('rev', '0')
    set('log', atEpoch)
    set('joined', atPlace)
    save()
    arrived = true
  end
elseif atEpoch ~= '' and atEpoch ~= inbox.log then
  if inbox.log ~= '' then
    -- Marks of another log say nothing of this one.
    checkAll(BROADCASTS)
    local keys, rest = {}, inbox.sets or ''
    for name in each(BROADCASTS) do
      keys[#keys + 1] = prefix .. name
      sets[name] = nil
      rest = string.gsub(rest, name .. ',', '')
    end
    set('joined', '0-0')
    set('watermark', '0-0')
    set('looked', '0-0')
    set('kept', '1')
    set('sets', rest)
    save()
    call('UNLINK', unpack(keys))
    findDue()
  end
  set('log', atEpoch)
  save()
  arrived = true
end
