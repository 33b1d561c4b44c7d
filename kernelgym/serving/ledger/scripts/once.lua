-- key, digest, ttl
local known = redis.call('GET', key('once', ARGV[1]))
if known then return known end
redis.call('SET', key('once', ARGV[1]), ARGV[2], 'EX', ARGV[3])
return ARGV[2]
