-- id, token, lost (1 or 0), op; returns nil if it is not the holder's, else its priority
local id, token, lost, op = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local job = open_job(id)
if not job then return nil end
if job.op == op then return job.priority end
if job.state ~= 'running' or job.token ~= token then return nil end
local time = now()
leave_queue(id, job.queue)
redis.call('HSET', key('job', id), 'state', 'queued', 'token', '', 'worker', '', 'stage', '', 'queued', stamp(time),
  'sequence', 0, 'op', op, 'attempts', lost and job.attempts or job.attempts - 1)
enter_queue(id, job.queue, job.priority, time)
if lost then count('retried') end
return job.priority
