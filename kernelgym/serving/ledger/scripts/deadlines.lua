-- ids
local longest = {}
for index, id in ipairs(ARGV) do
  local most = 0
  for _, value in ipairs(redis.call('HVALS', key('waiters', id))) do most = math.max(most, tonumber(value) or 0) end
  longest[index] = stamp(most)
end
return longest
