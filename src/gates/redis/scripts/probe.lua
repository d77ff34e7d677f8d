-- Proves that this server lets scripts do all that those of the gate do: a command that is refused in the middle of one would leave
-- half of its writes behind. Leaves nothing.
--
-- KEYS  1 to 5 of a tag that belongs to no event.
-- Returns 1, or the server's own refusal with the name of the command.
local all = {
  { 'INFO', 'server' }, { 'TIME' }, { 'UNLINK', unpack(KEYS) },
  { 'XADD', KEYS[5], '1-1', 'a', 'b' }, { 'XLEN', KEYS[5] }, { 'XRANGE', KEYS[5], '-', '+', 'COUNT', 1 },
  { 'XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1 }, { 'XTRIM', KEYS[5], 'MINID', '=', '1-1' },
  { 'HSET', KEYS[4], 'a', 'b' }, { 'HGET', KEYS[4], 'a' }, { 'HMGET', KEYS[4], 'a' }, { 'HLEN', KEYS[4] }, { 'HSCAN', KEYS[4], '0' },
  { 'ZADD', KEYS[1], '1', 'a' }, { 'ZRANGE', KEYS[1], 0, -1 }, { 'ZREMRANGEBYSCORE', KEYS[1], '-inf', '1' },
  { 'PEXPIRE', KEYS[4], 60000 }, { 'RENAME', KEYS[4], KEYS[2] }, { 'PERSIST', KEYS[2] }, { 'EXISTS', KEYS[2] },
}
local refusal = nil
for i = 1, #all do
  local reply = redis.pcall(unpack(all[i]))
  if type(reply) == 'table' and reply.err then
    refusal = { err = reply.err .. ' (' .. all[i][1] .. ')' }
    break
  end
end
redis.pcall('UNLINK', unpack(KEYS))
return refusal or 1
