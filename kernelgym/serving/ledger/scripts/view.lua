-- ids; returns for each nil | {state, station or '', attempts, request_id, record or ''}
local found = {}
for index, id in ipairs(ARGV) do
  local job = open_job(id)
  if job then
    found[index] = {job.state, job.station, job.attempts, job.request_id, ''}
  else
    local ended = redis.call('HMGET', key('ended', id), 'state', 'attempts', 'request_id', 'record')
    found[index] = ended[1] and {ended[1], '', ended[2] or 0, ended[3] or '', ended[4] or ''} or {}
  end
end
return found
