-- mute: what is muted from now on, as members of mu. follow, unfollow: a topic.

if op == 'mute' then
  checkAll('mu rv')
  local wanted, same = {}, true
  local before = members('mu', 'ZRANGE', prefix .. 'mu', 0, -1)
  for i = 4, #ARGV do wanted[ARGV[i]] = true end
  for _, member in ipairs(before) do same = same and wanted[member] ~= nil end
  if same and #before == #ARGV - 3 then return { state(), ALREADY } end
  advance()
  for _, member in ipairs(before) do
    if not wanted[member] then take('mu', member) end
  end
  for member in pairs(wanted) do call('ZADD', using('mu'), 0, member) end
  tell('settings', {}, {}, '*')
  return { state(), CHANGED }
end

if op == 'follow' or op == 'unfollow' then
  checkAll('tp rv')
  local follows = sets.tp and call('ZSCORE', prefix .. 'tp', ARGV[4]) and true or false
  if follows == (op == 'follow') then return { state(), ALREADY } end
  advance()
  if follows then take('tp', ARGV[4]) else call('ZADD', using('tp'), 0, ARGV[4]) end
  tell('settings', {}, {}, {})
  return { state(), CHANGED }
end

return redis.error_reply('ERR no such operation')
