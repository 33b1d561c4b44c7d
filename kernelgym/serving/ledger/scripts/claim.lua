-- id, station, worker, token, most attempts, record of the quarantine, its ttl, most answers, most verdicts
-- Returns nil | {'quarantined'} | {task, attempt, request_id, waited, timings, priority}
local id, station, worker, token, attempts = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local time = now()
local job = open_job(id)
if not job or job.station ~= station then return nil end
if job.state == 'queued' then
  if job.attempts >= attempts then
    local fields = {'state', 'done', 'record', ARGV[6], 'again', 1, 'op', token}
    finish(id, job, fields, tonumber(ARGV[7]), tonumber(ARGV[8]), time)
    tell(id, job, '', 'refused', '', '', tonumber(ARGV[9]), time)
    count('quarantined')
    return {'quarantined'}
  end
  leave_queue(id, job.queue)
  redis.call('SADD', key('running', job.queue), id)
  redis.call('HSET', key('job', id), 'state', 'running', 'worker', worker, 'token', token, 'stage', '', 'op', token)
  job.attempts = redis.call('HINCRBY', key('job', id), 'attempts', 1)
  local field = job.queue .. ':' .. job.priority
  if job.sequence > tonumber(redis.call('HGET', PREFIX .. ':claimed', field) or 0) then
    redis.call('HSET', PREFIX .. ':claimed', field, job.sequence)
  end
elseif job.token ~= token then
  return nil
end
local task = redis.call('HGET', key('job', id), 'task')
return {task or '', job.attempts, job.request_id, stamp(math.max(0, time - job.queued)), job.timings,
  job.priority}
