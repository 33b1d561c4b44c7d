-- ids; returns for each '' or lines: state, station, queue, priority, request_id, worker, token, sequence,
-- submitted
-- (one text is read several times as fast as a list)
local found = {}
for index, id in ipairs(ARGV) do
  local job = open_job(id)
  found[index] = job and table.concat({job.state, job.station, job.queue, job.priority, job.request_id, job.worker,
    job.token, job.sequence, stamp(job.submitted)}, '\n') or ''
end
return found
