-- verdicts; returns {counters, workers, beats, queues, remembered, verdicts}
local time = now()
local queues = {}
for index, queue in ipairs(redis.call('SMEMBERS', PREFIX .. ':queues')) do
  local row, oldest = {queue}, nil
  for _, priority in ipairs({'interactive', 'batch'}) do
    local waiting = key('waiting', queue .. ':' .. priority)
    row[#row + 1] = redis.call('ZCARD', waiting)
    local first = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
    if first then oldest = math.min(oldest or tonumber(first), tonumber(first)) end
  end
  row[#row + 1] = redis.call('SCARD', key('running', queue))
  row[#row + 1] = oldest and stamp(math.max(0, time - oldest)) or ''
  queues[index] = row
end
return {redis.call('HGETALL', PREFIX .. ':counters'), redis.call('HGETALL', PREFIX .. ':workers'),
  redis.call('HGETALL', PREFIX .. ':beats'), queues, redis.call('ZCOUNT', PREFIX .. ':expiry', stamp(time), '+inf'),
  redis.call('LRANGE', PREFIX .. ':verdicts', 0, tonumber(ARGV[1]) - 1)}
