-- id, token, station, bundle, timings, op
-- Returns -1 if the job never passes that station, nil if it is not the holder's, else its priority
local id, token, station, op = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local job = open_job(id)
if not job then return nil end
if job.op == op then return job.priority end
if job.state ~= 'running' or job.token ~= token then return nil end
local queue = redis.call('HGET', key('job', id), 'queue.' .. station)
if not queue then return -1 end
local time = now()
redis.call('SET', key('bundle', id), ARGV[4]) -- without a TTL: a clock that jumps must not take it away
leave_queue(id, job.queue)
redis.call('HSET', key('job', id), 'state', 'queued', 'station', station, 'queue', queue, 'attempts', 0, 'token', '',
  'worker', '', 'stage', '', 'queued', stamp(time), 'sequence', 0, 'op', op, 'timings', job.timings .. '\n' .. ARGV[5])
enter_queue(id, queue, job.priority, time)
tidy_queue(job.queue)
return job.priority
