-- id, key kind, field, what could not be read there: forgets a job, so that who waits finds it unknown and asks again
if (redis.call('HGET', key(ARGV[2], ARGV[1]), ARGV[3]) or '') == ARGV[4] then forget(ARGV[1]) end -- else another by now
