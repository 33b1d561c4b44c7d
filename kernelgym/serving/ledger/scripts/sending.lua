-- ids
local numbers = {}
for index, id in ipairs(ARGV) do
  local job = open_job(id)
  numbers[index] = 0
  if job and job.state == 'queued' then
    numbers[index] = redis.call('HINCRBY', PREFIX .. ':sent', job.queue .. ':' .. job.priority, 1)
    redis.call('HSET', key('job', id), 'sequence', numbers[index])
  end
end
return numbers
