-- Publishes several messages in one round trip, in order.
-- KEYS: none
-- ARGV: channel 1, payload 1, channel 2, payload 2, …
-- Returns: for each message the number of receivers, or the error with which Redis refused it.
--   A refused message does not keep the others from being sent.
-- Cost: O(messages), each as PUBLISH: O(receivers + patterns).
local pcall, ARGV = redis.pcall, ARGV
local replies, count = {}, 0
for i = 1, #ARGV, 2 do
  count = count + 1
  replies[count] = pcall('PUBLISH', ARGV[i], ARGV[i + 1])
end
return replies
