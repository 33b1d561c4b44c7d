-- id, token or '', record, again (1: no answer to somebody new), ttl, most answers, outcome, speedup, timings, op,
-- most verdicts, bounds of histograms, names and seconds of stages
local id, token, again, op, time = ARGV[1], ARGV[2], ARGV[4], ARGV[10], now()
local job = open_job(id)
if not job then
  local ended = redis.call('HMGET', key('ended', id), 'state', 'op')
  if ended[2] == op then return 1 end -- the same call once more, because its reply was lost
  if ended[1] == 'done' then count('discarded') end
  return 0
end
local holder = token ~= '' and job.token == token
if token ~= '' and not holder and again == '1' then return 0 end -- somebody else may do better
local fields = {'state', 'done', 'record', ARGV[3], 'again', again, 'op', op}
finish(id, job, fields, tonumber(ARGV[5]), tonumber(ARGV[6]), time)
tell(id, job, holder and job.worker or '', ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[11]), time)
count(token == '' and 'expired' or 'computed')
if token ~= '' then
  local bounds, work = cjson.decode(ARGV[12]), worked(job.timings .. '\n' .. ARGV[9])
  local total = math.max(0, time - job.submitted)
  for index = 13, #ARGV, 2 do took(ARGV[index], tonumber(ARGV[index + 1]), bounds) end
  took('work', work, bounds)
  took('wait', math.max(0, total - work), bounds)
  took('total', total, bounds)
end
return 1
