-- id, waiter, op, ttl, most answers
local id, op = ARGV[1], ARGV[3]
local job = open_job(id)
if not job then
  local ended = redis.call('HMGET', key('ended', id), 'state', 'op')
  return (ended[1] == 'cancelled' and ended[2] == op) and 1 or 0
end
redis.call('HDEL', key('waiters', id), ARGV[2])
if redis.call('HLEN', key('waiters', id)) > 0 then return 0 end
finish(id, job, {'state', 'cancelled', 'again', 1, 'op', op}, tonumber(ARGV[4]), tonumber(ARGV[5]), now())
count('cancelled')
return 1
