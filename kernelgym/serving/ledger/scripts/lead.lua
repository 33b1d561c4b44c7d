-- who, milliseconds
local leader = PREFIX .. ':leader'
local present = redis.call('GET', leader)
-- A term that ends later than any can was begun before the clock was set back.
if present and present ~= ARGV[1] and redis.call('PTTL', leader) <= 2 * tonumber(ARGV[2]) then return 0 end
redis.call('SET', leader, ARGV[1], 'PX', ARGV[2])
return 1
