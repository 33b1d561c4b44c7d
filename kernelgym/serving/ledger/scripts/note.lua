-- id, token, stage
local job = open_job(ARGV[1])
if not job or job.state ~= 'running' or job.token ~= ARGV[2] then return 0 end
redis.call('HSET', key('job', ARGV[1]), 'stage', ARGV[3])
return 1
