-- What every other answer carries: one line of epoch or -, gen, rev, seq, time, next change or -, own counts (total, unread,
-- unseen, archived, snoozed, unread of each type), then epoch of the broadcasts or -, joined, watermark and what is
-- seen of them, and up to which number own ones are seen; and, unless all are empty, behind it the members of br, bu, ba,
-- bd, bs with times, bt with actions, mu.

-- The place of a number that is in the chain.
local function idOf(seq)
  local gen = inbox.gen
  for each, first in string.gmatch(chainText(), '(%d+):(%d+)') do
    if tonumber(first) <= tonumber(seq) then gen = each end
  end
  return seq .. '-' .. gen
end

local function members(name, ...)
  return sets[name] and call(...) or {}
end

local function state()
  local unread, unseen, types = 0, 0, {}
  for i = 0, 3 do
    local name = 'u' .. i
    local size = sets[name] and call('ZCARD', prefix .. name) or 0
    types[i + 1] = size
    unread = unread + size
    if size > 0 then
      unseen = unseen + (inbox.seen and call('ZCOUNT', prefix .. name, '(' .. inbox.seen, '+inf') or size)
    end
  end
  local archived = sets.ar and call('ZCARD', prefix .. 'ar') or 0
  local snoozed = sets.sn and call('ZCARD', prefix .. 'sn') or 0
  local joined, due = inbox.joined, inbox.due
  local line = concat({
    inbox.epoch == '' and '-' or inbox.epoch, inbox.gen, inbox.rev, inbox.seq, nowText, due and due ~= '' and due or '-',
    call('XLEN', stream) - archived - snoozed, unread, unseen, archived, snoozed, concat(types, ' '),
    inbox.log == '' and '-' or inbox.log, joined, inbox.watermark or joined, inbox.looked or joined,
    inbox.seen or '0',
  }, ' ')
  if not (sets.br or sets.bu or sets.ba or sets.bd or sets.bs or sets.bt or sets.mu) then return line end
  local function all(name)
    return members(name, 'ZRANGE', prefix .. name, 0, -1)
  end
  return {
    line, all('br'), all('bu'), all('ba'), all('bd'),
    members('bs', 'ZRANGE', prefix .. 'bs', 0, -1, 'WITHSCORES'), members('bt', 'HGETALL', prefix .. 'bt'), all('mu'),
  }
end

if op == 'join' or op == 'settle' then return { state(), arrived and 'c' or 'a' } end
