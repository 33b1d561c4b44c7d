-- Stands before every script. KEYS[1]: what all keys begin with. A script is atomic: it happens as a whole or, if the
-- store is full or read-only at its first write that needs room, not at all. So whatever needs room writes that first,
-- and whatever ends or moves a job deletes first: it frees memory, and is allowed where the store is full.
--
--   job:<id>      hash: an open job          waiters:<id>  hash: who waits -> until when, seconds since submission
--   bundle:<id>   for the next station       ended:<id>    hash: an answer, or that the job was cancelled
--   open          set: ids without answer    uses, expiry  sorted sets: ids that ended, by last use and by end of life
--   waiting:<queue>:<priority>               sorted set: ids by when they began to wait
--   running:<queue>                          set: ids           queues   set: names of those that are not empty
--   sent, claimed                            hashes: numbers of messages, for each queue and priority
--   workers, beats, counters, verdicts, leader, once:<key>, served:<queue>
local PREFIX = KEYS[1]

local function key(kind, name)
  return PREFIX .. ':' .. kind .. ':' .. name
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function stamp(time)
  return string.format('%.6f', time)
end

local function count(what)
  redis.call('HINCRBY', PREFIX .. ':counters', what, 1)
end

-- The open job, or nil; one with a field missing is damaged and as good as none.
local function open_job(id)
  local names = {'state', 'station', 'queue', 'priority', 'attempts', 'submitted', 'queued', 'token', 'worker', 'op',
    'request_id', 'problem', 'kind', 'timings', 'sequence'}
  local values = redis.call('HMGET', key('job', id), unpack(names))
  local job = {}
  for index, name in ipairs(names) do
    if not values[index] then return nil end
    job[name] = values[index]
  end
  job.attempts, job.sequence = tonumber(job.attempts), tonumber(job.sequence)
  job.submitted, job.queued = tonumber(job.submitted), tonumber(job.queued)
  if not (job.attempts and job.sequence and job.submitted and job.queued) then return nil end
  return job
end

-- Whether what has ended is an answer to somebody new.
local function has_answer(state, record, again)
  return state == 'done' and record and again ~= '1'
end

-- The number of open jobs, and which of `ids` would be new ones.
local function room(ids)
  local new, seen = {}, {}
  for _, id in ipairs(ids) do
    if not seen[id] and redis.call('SISMEMBER', PREFIX .. ':open', id) == 0 and not open_job(id) then
      local ended = redis.call('HMGET', key('ended', id), 'state', 'again')
      if not has_answer(ended[1], redis.call('HEXISTS', key('ended', id), 'record') == 1, ended[2]) then
        new[#new + 1] = id
      end
    end
    seen[id] = true
  end
  return redis.call('SCARD', PREFIX .. ':open'), new
end

local function leave_queue(id, queue)
  redis.call('ZREM', key('waiting', queue .. ':interactive'), id)
  redis.call('ZREM', key('waiting', queue .. ':batch'), id)
  redis.call('SREM', key('running', queue), id)
end

-- An empty queue is forgotten, numbers of messages included: nobody is left whom they could concern.
local function tidy_queue(queue)
  local left = redis.call('EXISTS', key('waiting', queue .. ':interactive'), key('waiting', queue .. ':batch'),
    key('running', queue))
  if left == 0 then
    redis.call('SREM', PREFIX .. ':queues', queue)
    for _, priority in ipairs({'interactive', 'batch'}) do
      redis.call('HDEL', PREFIX .. ':sent', queue .. ':' .. priority)
      redis.call('HDEL', PREFIX .. ':claimed', queue .. ':' .. priority)
    end
  end
end

local function enter_queue(id, queue, priority, time)
  redis.call('ZADD', key('waiting', queue .. ':' .. priority), stamp(time), id)
  redis.call('SADD', PREFIX .. ':queues', queue)
end

local function forget_ended(id)
  redis.call('DEL', key('ended', id))
  redis.call('ZREM', PREFIX .. ':uses', id)
  redis.call('ZREM', PREFIX .. ':expiry', id)
end

-- Notes that an answer was asked for, by a number that grows: no clock decides which is the oldest.
local function use(id)
  redis.call('ZADD', PREFIX .. ':uses', redis.call('INCR', PREFIX .. ':clock'), id)
end

-- Keeps the answers within their bounds; some of those that have expired, or are too many, go each time.
local function trim(most, time)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. ':expiry', '-inf', stamp(time), 'LIMIT', 0, 10)) do
    forget_ended(id)
  end
  local spare = math.min(redis.call('ZCARD', PREFIX .. ':uses') - most, 100)
  if spare > 0 then
    for _, id in ipairs(redis.call('ZRANGE', PREFIX .. ':uses', 0, spare - 1)) do forget_ended(id) end
  end
end

-- Forgets all that there is under an id; who waits finds it unknown, and asks again.
local function forget(id)
  redis.call('DEL', key('job', id), key('waiters', id), key('bundle', id))
  redis.call('SREM', PREFIX .. ':open', id)
  for _, queue in ipairs(redis.call('SMEMBERS', PREFIX .. ':queues')) do
    leave_queue(id, queue)
    tidy_queue(queue)
  end
  forget_ended(id)
  redis.call('PUBLISH', PREFIX .. ':news', id)
end

-- Ends an open job: what it needed goes, `fields` of its end stay for `ttl` seconds, and all who wait are told.
local function finish(id, job, fields, ttl, most, time)
  redis.call('DEL', key('job', id), key('waiters', id), key('bundle', id))
  redis.call('SREM', PREFIX .. ':open', id)
  leave_queue(id, job.queue)
  tidy_queue(job.queue)
  redis.call('DEL', key('ended', id))
  redis.call('HSET', key('ended', id), 'attempts', job.attempts, 'request_id', job.request_id, unpack(fields))
  redis.call('PEXPIRE', key('ended', id), math.ceil(ttl * 1000))
  redis.call('ZADD', PREFIX .. ':expiry', stamp(time + ttl), id)
  use(id)
  trim(most, time)
  redis.call('PUBLISH', PREFIX .. ':news', id)
end

-- Puts a line for the status page in front.
local function tell(id, job, worker, outcome, speedup, timings, most, time)
  local line = {id = id, at = stamp(time), problem = job.problem, kind = job.kind, outcome = outcome,
    speedup = speedup, worker = worker, total_s = stamp(math.max(0, time - job.submitted)),
    timings = job.timings .. '\n' .. timings, attempts = job.attempts, request_id = job.request_id}
  redis.call('LPUSH', PREFIX .. ':verdicts', cjson.encode(line))
  redis.call('LTRIM', PREFIX .. ':verdicts', 0, most - 1)
  count('outcome:' .. outcome)
end

-- Adds a duration to its histogram (telemetry/durations.py), in the step that takes the answer: it counts once.
local function took(what, seconds, bounds)
  if not seconds or not (seconds >= 0 and seconds < 1e7) then return end
  local bucket = #bounds
  for index, bound in ipairs(bounds) do
    if seconds <= bound then bucket = index - 1 break end
  end
  local name = 'seconds:' .. what .. ':'
  redis.call('HINCRBY', PREFIX .. ':counters', name .. bucket, 1)
  redis.call('HINCRBY', PREFIX .. ':counters', name .. 'microseconds', string.format('%.0f', seconds * 1e6))
end

-- The sum of timings, one JSON object on each line.
local function worked(timings)
  local sum = 0
  for line in string.gmatch(timings, '[^\n]+') do
    local read, values = pcall(cjson.decode, line)
    for _, seconds in pairs(read and type(values) == 'table' and values or {}) do sum = sum + (tonumber(seconds) or 0) end
  end
  return sum
end

