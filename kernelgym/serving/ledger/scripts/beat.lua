-- worker, view, seconds, queues
redis.call('HSET', PREFIX .. ':workers', ARGV[1], ARGV[2])
for index = 4, #ARGV do redis.call('SET', key('served', ARGV[index]), 1, 'EX', ARGV[3]) end
return redis.call('HINCRBY', PREFIX .. ':beats', ARGV[1], 1)
