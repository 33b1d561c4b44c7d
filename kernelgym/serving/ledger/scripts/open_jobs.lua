-- ids; returns for each {} | {state, station, queue, priority, request_id, worker, token, sequence}
local found = {}
for index, id in ipairs(ARGV) do
  local job = open_job(id)
  found[index] = job and {job.state, job.station, job.queue, job.priority, job.request_id, job.worker, job.token,
    job.sequence} or {}
end
return found
