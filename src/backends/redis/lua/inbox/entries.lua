-- Entries as they are answered, in lists of at most 1,000, newest first. Each list is one text, which is cheaper to
-- return and to read than its parts: the numbers of the unread ones among them, those of the archived ones, all with
-- commas, and the ID and body of each, separated by a character that JSON does not have. Where there is more to tell it
-- is the first of several parts: in turn the place and the fields of those that have more than a body; and for each its
-- wake time, edited body and action.

local function numbersOf(rows)
  local seqs = {}
  for i, row in ipairs(rows) do seqs[i] = match(row[1], '^%d+') end
  return seqs
end

-- The text of at most 1,000 rows, behind what is in parts; and the fields.
local function textOf(rows, parts)
  local at, count, fields = #parts, #rows, {}
  if count == 0 then return concat(parts, '\31'), fields end
  local low, high = match(rows[count][1], '^%d+'), match(rows[1][1], '^%d+')
  local function among(name)
    return sets[name] and concat(call('ZRANGEBYSCORE', prefix .. name, low, high), ',') or ''
  end
  local unread = ''
  for i = 0, 3 do
    local more = among('u' .. i)
    unread = unread == '' and more or more == '' and unread or unread .. ',' .. more
  end
  parts[at + 1], parts[at + 2] = unread, among('ar')
  for i = 1, count do
    local row = rows[i]
    local values = row[2]
    at = at + 2
    parts[at + 1], parts[at + 2] = row[1], values[2]
    if values[3] then
      fields[#fields + 1] = i
      fields[#fields + 1] = values
    end
  end
  return concat(parts, '\31'), fields
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
  local list, fields = textOf(rows, {})
  local seqs = (sets.sn or sets.ed or sets.at) and numbersOf(rows)
  if not seqs and #fields == 0 then return { list } end
  local function about(name, command)
    return sets[name] and call(command, prefix .. name, unpack(seqs)) or {}
  end
  return { { list, fields, about('sn', 'ZMSCORE'), about('ed', 'HMGET'), about('at', 'HMGET') } }
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
