-- Entries as they are answered, each as "<seq>-<gen> <count> <u, r, a or s> <1 if seen> <wake time or -> <expiry or ->",
-- with " <action>" where one was taken, and the body.

local function numbersIn(name, low, high)
  local found = {}
  for _, seq in ipairs(sets[name] and call('ZRANGEBYSCORE', prefix .. name, low, high) or {}) do found[seq] = true end
  return found
end

local function numbersOf(rows)
  local seqs = {}
  for i, row in ipairs(rows) do seqs[i] = match(row[1], '^%d+') end
  return seqs
end

-- At most 1,000 rows of the stream, newest first.
local function describe(rows, into)
  local seqs = numbersOf(rows)
  local low, high = seqs[#seqs], seqs[1]
  local unread = {}
  for i = 0, 3 do unread[tostring(i)] = numbersIn('u' .. i, low, high) end
  local archived = numbersIn('ar', low, high)
  local function each(name, command)
    return sets[name] and call(command, prefix .. name, unpack(seqs)) or {}
  end
  local snoozed, edited, acted = each('sn', 'ZMSCORE'), each('ed', 'HMGET'), each('at', 'HMGET')
  local seen = tonumber(inbox.seen or 0)
  for i, row in ipairs(rows) do
    local seq, values = seqs[i], row[2]
    local count, expires = '1', '-'
    for j = 3, #values, 2 do
      if values[j] == 'c' then count = values[j + 1] elseif values[j] == 'x' then expires = values[j + 1] end
    end
    local was = unread[values[1]][seq] and 'u' or archived[seq] and 'a' or snoozed[i] and 's' or 'r'
    into[#into + 1] = row[1] .. ' ' .. count .. ' ' .. was .. (tonumber(seq) <= seen and ' 1 ' or ' 0 ')
      .. (snoozed[i] or '-') .. ' ' .. expires .. (acted[i] and ' ' .. acted[i] or '')
    into[#into + 1] = edited[i] or values[2]
  end
end

local function entriesOf(rows)
  local entries, at = {}, 1
  while at <= #rows do
    describe({ unpack(rows, at, math.min(at + 999, #rows)) }, entries)
    at = at + 1000
  end
  return entries
end

-- The rows of some numbers, which may be texts; what is no more has none.
local function rowsOf(seqs, most)
  table.sort(seqs, function(one, other) return tonumber(one) > tonumber(other) end)
  local rows = {}
  for i = 1, math.min(#seqs, most) do rows[#rows + 1] = call('XRANGE', stream, seqs[i], seqs[i])[1] end
  return rows
end
