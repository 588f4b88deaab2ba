#!lua flags=no-writes
-- Tells which logs of a partition have changed after a counter.
-- KEYS: partition, changes
-- ARGV: the counter, or empty for no logs
-- Returns: the server's history, the counter's epoch or nothing, the counter now, and the logs' texts and counters in turn.
-- Cost: O(log n + changed logs), and INFO.
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or 'none'
local partition = redis.call('HMGET', KEYS[1], 'counter', 'epoch')
local counter = partition[1]
if not counter then counter = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or '0' end
local changed = {}
if ARGV[1] ~= '' then changed = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES') end
return { history, partition[2] or '', counter, changed }
