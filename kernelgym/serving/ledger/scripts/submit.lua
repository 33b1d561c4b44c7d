-- waiter, op, most open jobs (0: admitted already); then for each order: id, deadline_s, priority, number of words, and
-- these: pairs of a new job's fields. All orders are taken, or none: {'busy', open, new}. Returns for each one
-- {'done', record, attempts, request_id} | {'open', state, station, attempts, request_id, send}
local waiter, call, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = now()

local function known(id)
  local ended = redis.call('HMGET', key('ended', id), 'state', 'record', 'attempts', 'request_id', 'again')
  if not has_answer(ended[1], ended[2], ended[5]) then return nil end
  if type(redis.pcall('INCR', PREFIX .. ':clock')) == 'number' then -- a full store still gives what it has
    use(id)
    count('submitted')
    count('hits')
  end
  return {'done', ended[2], ended[3], ended[4]}
end

local function join(id, job, deadline, priority, op)
  local patience = key('waiters', id)
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

local function begin(id, deadline, priority, op, first, last)
  local fields = {'state', 'queued', 'priority', priority, 'attempts', 0, 'submitted', stamp(time),
    'queued', stamp(time), 'token', '', 'worker', '', 'stage', '', 'timings', '', 'sequence', 0, 'op', op,
    unpack(ARGV, first, last)}
  redis.call('HSET', key('job', id), unpack(fields))
  redis.call('DEL', key('waiters', id), key('bundle', id))
  for _, queue in ipairs(redis.call('SMEMBERS', PREFIX .. ':queues')) do leave_queue(id, queue) end -- if it was damaged
  redis.call('HSET', key('waiters', id), waiter, deadline)
  redis.call('SADD', PREFIX .. ':open', id)
  forget_ended(id)
  local job = open_job(id)
  enter_queue(id, job.queue, priority, time)
  count('submitted')
  return {'open', 'queued', job.station, 0, job.request_id, 1}
end

local orders, ids, at = {}, {}, 4
while at <= #ARGV do
  local words = tonumber(ARGV[at + 3])
  orders[#orders + 1] = {id = ARGV[at], deadline = tonumber(ARGV[at + 1]), priority = ARGV[at + 2], first = at + 4,
    last = at + 3 + words}
  ids[#ids + 1] = ARGV[at]
  at = at + 4 + words
end
if most > 0 then
  local open, new = room(ids)
  if #new > 0 and open + #new > most then return {'busy', open, #new} end
end
local taken = {}
for index, order in ipairs(orders) do
  local id, op = order.id, call .. ':' .. index
  local found = known(id)
  if not found then
    local job = open_job(id)
    found = job and join(id, job, order.deadline, order.priority, op)
      or begin(id, order.deadline, order.priority, op, order.first, order.last)
  end
  taken[index] = found
end
return taken
