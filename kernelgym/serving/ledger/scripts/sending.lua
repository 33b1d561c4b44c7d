-- id
local job = open_job(ARGV[1])
if not job or job.state ~= 'queued' then return 0 end
local number = redis.call('HINCRBY', PREFIX .. ':sent', job.queue .. ':' .. job.priority, 1)
redis.call('HSET', key('job', ARGV[1]), 'sequence', number)
return number
