-- most open jobs, ids: keeps places for those that are new, so that they can be submitted some at a time; if they never
-- are, the janitor sweeps them away. Returns nil | {'busy', open, new}
local ids = {}
for index = 2, #ARGV do ids[index - 1] = ARGV[index] end
local open, new = room(ids)
if #new > 0 and open + #new > tonumber(ARGV[1]) then return {'busy', open, #new} end
for _, id in ipairs(new) do redis.call('SADD', PREFIX .. ':open', id) end
return nil
