-- id, waiter, deadline_s, priority, op, most open jobs, then pairs of a new job's fields
-- Returns {'done', record, attempts, request_id} | {'busy', open} | {'open', state, station, attempts, request_id, send}
local id, waiter, deadline, priority, op, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])
local time = now()

local ended = redis.call('HMGET', key('ended', id), 'state', 'record', 'attempts', 'request_id', 'again')
if ended[1] == 'done' and ended[2] and ended[5] ~= '1' then
  if type(redis.pcall('INCR', PREFIX .. ':clock')) == 'number' then -- a full store still gives what it has
    use(id)
    count('submitted')
    count('hits')
  end
  return {'done', ended[2], ended[3], ended[4]}
end

local job = open_job(id)
local patience = key('waiters', id)
if job then
  local again = job.op == op -- the same call once more, because its reply was lost
  local longest = 0
  for _, value in ipairs(redis.call('HVALS', patience)) do longest = math.max(longest, tonumber(value) or 0) end
  -- A clock that jumped makes nobody wait longer than twice, and nobody shorter than those before.
  local age = math.min(math.max(time - job.submitted, 0), longest)
  local before = tonumber(redis.call('HGET', patience, waiter) or 0) or 0
  redis.call('HSET', patience, waiter, stamp(math.max(before, age + deadline)))
  local send = again
  if priority == 'interactive' and job.priority == 'batch' then
    redis.call('HSET', key('job', id), 'priority', priority)
    if job.state == 'queued' then
      send = true
      redis.call('HSET', key('job', id), 'sequence', 0, 'op', op)
      leave_queue(id, job.queue)
      enter_queue(id, job.queue, priority, job.queued)
    end
  end
  if not again then
    count('submitted')
    count('joined')
  end
  return {'open', job.state, job.station, job.attempts, job.request_id, send and 1 or 0}
end

local open = redis.call('SCARD', PREFIX .. ':open')
if open >= most and redis.call('SISMEMBER', PREFIX .. ':open', id) == 0 then return {'busy', open} end
local fields = {'state', 'queued', 'priority', priority, 'attempts', 0, 'submitted', stamp(time), 'queued', stamp(time),
  'token', '', 'worker', '', 'stage', '', 'timings', '', 'sequence', 0, 'op', op, unpack(ARGV, 7)}
redis.call('HSET', key('job', id), unpack(fields))
redis.call('DEL', patience, key('bundle', id))
for _, queue in ipairs(redis.call('SMEMBERS', PREFIX .. ':queues')) do leave_queue(id, queue) end -- if it was damaged
redis.call('HSET', patience, waiter, deadline)
redis.call('SADD', PREFIX .. ':open', id)
forget_ended(id)
job = open_job(id)
enter_queue(id, job.queue, priority, time)
count('submitted')
return {'open', 'queued', job.station, 0, job.request_id, 1}
