-- Who is there on one channel, by lease.
-- KEYS: members, leases, users; for join and leave a key of the call's own, where the answer 1 is kept in case it gets lost
-- ARGV: operation, and
--   join: lease (ms), client, member, how long the answer is kept (ms)
--   renew: lease (ms), then client and member in turn
--   leave: client, how long the answer is kept (ms)
--   list; stats
--   A member is `<bytes of the user id>:<user id><info>`.
-- Returns: nothing where more leases are over than one call removes: then it has done no more than that, and is called
--   again. Else join: 1 for the user's first; leave: 1 for the user's last; list: clients and members in turn;
--   stats: clients, users.
-- Cost: O(log n) for each lease that is over, once; beside that stats O(1), list O(n), else O(log n) a client.
local OVER_AT_ONCE = 500
local call, fmt = redis.call, string.format
local members, leases, users, op = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function userOf(member)
  local size, rest = string.match(member, '^(%d+):(.*)$')
  return string.sub(rest, 1, tonumber(size))
end

-- Whether the user is no more.
local function remove(client, member)
  call('HDEL', members, client)
  call('ZREM', leases, client)
  local user = userOf(member)
  if call('HINCRBY', users, user, -1) > 0 then return 0 end
  call('HDEL', users, user)
  return 1
end

-- Whether the user was not there before.
local function put(client, member, lease)
  local known, first = call('HGET', members, client), 0
  if known and userOf(known) ~= userOf(member) then
    remove(client, known)
    known = false
  end
  if not known and call('HINCRBY', users, userOf(member), 1) == 1 then first = 1 end
  if known ~= member then call('HSET', members, client, member) end
  call('ZADD', leases, fmt('%.0f', now + lease), client)
  return first
end

-- All three go when the last lease is over.
local function keep(lease)
  if call('PTTL', leases) >= lease then return end
  for i = 1, 3 do call('PEXPIRE', KEYS[i], fmt('%.0f', lease)) end
end

-- A part of them alone says nothing: whoever is there comes back when the lease is renewed.
local clients, leased, userCount = call('HLEN', members), call('ZCARD', leases), call('HLEN', users)
if clients ~= leased or userCount > clients or (userCount == 0) ~= (clients == 0) then
  call('UNLINK', members, leases, users)
end

local over = call('ZRANGEBYSCORE', leases, '-inf', fmt('%.0f', now), 'LIMIT', 0, OVER_AT_ONCE)
if #over > 0 then
  local gone = call('HMGET', members, unpack(over))
  local fewer = {}
  for _, member in ipairs(gone) do
    if member then
      local user = userOf(member)
      fewer[user] = (fewer[user] or 0) + 1
    end
  end
  call('HDEL', members, unpack(over))
  call('ZREM', leases, unpack(over))
  for user, count in pairs(fewer) do
    if call('HINCRBY', users, user, -count) <= 0 then call('HDEL', users, user) end
  end
  if #over == OVER_AT_ONCE then return false end
end

if op == 'stats' then return { call('HLEN', members), call('HLEN', users) } end
if op == 'list' then return call('HGETALL', members) end

if op == 'renew' then
  local lease = tonumber(ARGV[2])
  for i = 3, #ARGV, 2 do put(ARGV[i], ARGV[i + 1], lease) end
  keep(lease)
  return 1
end

local answer
if op == 'join' then
  local lease = tonumber(ARGV[2])
  answer = put(ARGV[3], ARGV[4], lease)
  keep(lease)
else
  local member = call('HGET', members, ARGV[2])
  answer = member and remove(ARGV[2], member) or 0
end
if answer == 1 then
  call('SET', KEYS[4], '1', 'PX', ARGV[#ARGV])
  return 1
end
return call('EXISTS', KEYS[4])
