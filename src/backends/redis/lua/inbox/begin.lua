-- The beginning of every call: whoever is new joins.

if op == 'erase' then
  local minute = math.floor(now / 60000)
  local keys = { KEYS[1], stream, prefix .. 'q' .. minute, prefix .. 'q' .. minute - 1 }
  for _, name in ipairs(NAMES) do keys[#keys + 1] = prefix .. name end
  local gen = inbox.epoch and serverHistory() ~= inbox.history and nextGeneration() or inbox.gen
  local any = call('UNLINK', unpack(keys)) > 0
  if inbox.epoch then
    local frame = { '1', inbox.epoch, gen, text(inbox.rev + 1), 'erased', text(now), '- - - -' }
    pcall('PUBLISH', prefix .. 'live', concat(frame, ' '))
  end
  return any and 1 or 0
end

local arrived = false

-- A stream without its hash, or a hash without its stream, is what is left of an inbox that has been lost. Of that only
-- what the user has muted and follows goes on.
local function begin()
  local keys = { KEYS[1], stream }
  for i, name in ipairs(NAMES) do keys[i + 2] = prefix .. name end
  if call('EXISTS', unpack(keys)) > 0 then
    checkAll(NAMES)
    keys[#keys], keys[#keys - 1] = nil, nil
    call('UNLINK', unpack(keys))
  end
  inbox, sets, unsaved = {}, {}, {}
  for _, name in ipairs({ 'mu', 'tp' }) do
    if checked[name] then using(name) end
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

local length = call('XLEN', stream)
if not inbox.epoch or (length == 0 and inbox.seq ~= '0' and call('EXISTS', stream) == 0) then
  begin()
  length = 0
elseif atEpoch ~= '' and atEpoch ~= inbox.log then
  if inbox.log ~= '' then
    set('joined', '0-0')
    set('watermark', '0-0')
    set('looked', '0-0')
    set('kept', '1')
    forget(BROADCASTS)
    findDue()
  end
  set('log', atEpoch)
  save()
  arrived = true
end
