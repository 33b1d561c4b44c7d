-- id: forgets a job that should be open, but of which nothing else can be read
if redis.call('SISMEMBER', PREFIX .. ':open', ARGV[1]) == 1 and not open_job(ARGV[1]) then forget(ARGV[1]) end
