-- worker, view
redis.call('HSET', PREFIX .. ':workers', ARGV[1], ARGV[2])
return redis.call('HINCRBY', PREFIX .. ':beats', ARGV[1], 1)
