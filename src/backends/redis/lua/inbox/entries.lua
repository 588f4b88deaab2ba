-- Entries as they are answered, in lists of at most 1,000: ID and body of each in turn, newest first; in turn the place
-- and the fields of those that have more than a body; the numbers of the unread ones of each type and of the archived
-- ones among them; and for each its wake time, edited body and action. Rows as they come are dearer to return.

local function numbersOf(rows)
  local seqs = {}
  for i, row in ipairs(rows) do seqs[i] = match(row[1], '^%d+') end
  return seqs
end

local entriesOf
function entriesOf(rows)
  if #rows > 1000 then
    local all = {}
    for at = 1, #rows, 1000 do
      all[#all + 1] = entriesOf({ unpack(rows, at, math.min(at + 999, #rows)) })[1]
    end
    return all
  end
  if #rows == 0 then return {} end
  local low, high = match(rows[#rows][1], '^%d+'), match(rows[1][1], '^%d+')
  local seqs = (sets.sn or sets.ed or sets.at) and numbersOf(rows)
  local function among(name)
    return sets[name] and call('ZRANGEBYSCORE', prefix .. name, low, high) or {}
  end
  local function about(name, command)
    return sets[name] and call(command, prefix .. name, unpack(seqs)) or {}
  end
  local bodies, fields, at = {}, {}, 0
  for i, row in ipairs(rows) do
    local values = row[2]
    bodies[at + 1] = row[1]
    bodies[at + 2] = values[2]
    at = at + 2
    if values[3] then
      fields[#fields + 1] = i
      fields[#fields + 1] = values
    end
  end
  return { {
    bodies, fields, among('u0'), among('u1'), among('u2'), among('u3'), among('ar'),
    about('sn', 'ZMSCORE'), about('ed', 'HMGET'), about('at', 'HMGET'),
  } }
end

-- The rows of the greatest of some numbers, which may be texts, newest first; what is no more has none.
local function rowsOf(seqs, most)
  local numbers, rows = {}, {}
  for i, seq in ipairs(seqs) do numbers[i] = tonumber(seq) end
  table.sort(numbers)
  local first, last = math.max(1, #numbers - most + 1), #numbers
  if last == 0 then return rows end
  local low, high, wanted = numbers[first], numbers[last], {}
  if high - low < 2 * (last - first + 1) then
    for i = first, last do wanted[text(numbers[i])] = true end
    for _, row in ipairs(call('XREVRANGE', stream, high, low)) do
      if wanted[match(row[1], '^%d+')] then rows[#rows + 1] = row end
    end
  else
    for i = last, first, -1 do rows[#rows + 1] = call('XRANGE', stream, numbers[i], numbers[i])[1] end
  end
  return rows
end
