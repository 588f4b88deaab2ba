-- Until when a user's tokens are revoked.
-- KEYS: the mark
-- ARGV: nothing, or a time in ms, and for how many ms that is to be known
-- Returns: the latest time, or nothing.
-- Cost: O(1).
local call = redis.call
local known = call('GET', KEYS[1])
if not ARGV[1] then return known end
local before, keep = known, math.max(tonumber(ARGV[2]), call('PTTL', KEYS[1]))
if not known or tonumber(known) < tonumber(ARGV[1]) then before = ARGV[1] end
call('SET', KEYS[1], before, 'PX', string.format('%.0f', keep))
return before
