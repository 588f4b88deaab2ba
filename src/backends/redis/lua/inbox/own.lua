-- Own notifications, one by one.

local function entryOf(row)
  local values = row[2]
  local entry = { id = row[1], seq = match(row[1], '^%d+'), type = values[1], body = values[2] }
  for i = 3, #values, 2 do entry[values[i]] = values[i + 1] end
  return entry
end

-- By its ID, or by its number alone.
local function find(id)
  local row = call('XRANGE', stream, id, id)[1]
  return row and entryOf(row)
end

local function stateOf(entry)
  if sets['u' .. entry.type] and call('ZSCORE', prefix .. 'u' .. entry.type, entry.seq) then return 'unread' end
  if sets.ar and call('ZSCORE', prefix .. 'ar', entry.seq) then return 'archived' end
  local wakes = sets.sn and call('ZSCORE', prefix .. 'sn', entry.seq)
  if wakes then return 'snoozed', wakes end
  return 'read'
end

-- Before a removal: what is not there needs no look.
local function checkRemoval(entry)
  for name in each('ar sn xp ed at gr') do
    if sets[name] then check(name) end
  end
  if sets['u' .. entry.type] then check('u' .. entry.type) end
end

local function remove(entry)
  call('XDEL', stream, entry.id)
  if not take('u' .. entry.type, entry.seq) and not take('ar', entry.seq) then take('sn', entry.seq) end
  take('ed', entry.seq)
  take('at', entry.seq)
  if entry.x then take('xp', entry.seq) end
  if entry.k and call('HGET', prefix .. 'gr', entry.k) == entry.seq then take('gr', entry.k) end
end
