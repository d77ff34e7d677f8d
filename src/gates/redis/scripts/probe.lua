-- Proves that this server lets scripts do all that those of the gate do: a command that is refused in the middle of one would leave
-- half of its writes behind. Leaves nothing.
--
-- KEYS  1 to 5 of a tag that belongs to no event.
-- Returns DONE, or the server's own refusal.
redis.call('INFO', 'server')
redis.call('TIME')
for i = 1, 5 do redis.call('UNLINK', KEYS[i]) end
redis.call('XADD', KEYS[5], '1-1', 'a', 'b')
redis.call('XLEN', KEYS[5])
redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)
redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)
redis.call('XTRIM', KEYS[5], 'MINID', '=', '1-1')
redis.call('HSET', KEYS[4], 'a', 'b')
redis.call('HGET', KEYS[4], 'a')
redis.call('HMGET', KEYS[4], 'a')
redis.call('HLEN', KEYS[4])
redis.call('HSCAN', KEYS[4], '0')
redis.call('ZADD', KEYS[1], '1', 'a')
redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '1')
redis.call('PEXPIRE', KEYS[4], 60000)
redis.call('RENAME', KEYS[4], KEYS[2])
redis.call('PERSIST', KEYS[2])
redis.call('EXISTS', KEYS[2])
for i = 1, 5 do redis.call('UNLINK', KEYS[i]) end
return 1
