-- Keeps one push in the log of each of its channels and publishes it there: once for each event, in one step.
-- KEYS: the mark of the event, then the logs. ARGV: the push, entries kept, milliseconds kept, seconds of the mark,
-- then the channels in the order of their logs.
if not redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[4]) then
  return 0
end
-- A log that begins anew must not repeat an id of the one that was lost: its first id has the microsecond in it.
local now = redis.call('TIME')
local first = string.format('%s%03d-%d', now[1], math.floor(now[2] / 1000), now[2] % 1000 + 1)
for i = 2, #KEYS do
  local newest = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
  local previous = newest and newest[1] or '0-0'
  local id = redis.call(
    'XADD', KEYS[i], 'MAXLEN', '~', ARGV[2], newest and '*' or first, 'previous', previous, 'body', ARGV[1]
  )
  local oldest = tonumber(string.match(id, '^%d+')) - tonumber(ARGV[3])
  redis.call('XTRIM', KEYS[i], 'MINID', '~', string.format('%.0f', oldest))
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
  redis.call('PUBLISH', ARGV[i + 3], id .. ' ' .. previous .. ' ' .. ARGV[1])
end
return 1
