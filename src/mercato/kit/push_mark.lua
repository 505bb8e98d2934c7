-- The id of the newest entry of a log; an empty log gets an entry without a push, so that there is one.
-- KEYS: the log. ARGV: milliseconds for which an entry without a push is kept.
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  return newest[1]
end
local now = redis.call('TIME')
local first = string.format('%s%03d-%d', now[1], math.floor(now[2] / 1000), now[2] % 1000 + 1)
local id = redis.call('XADD', KEYS[1], first, 'previous', '0-0', 'body', '')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return id
