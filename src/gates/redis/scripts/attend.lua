-- Says that a worker lives, and gives all that do. An event's scripts have nothing to do with this one.
--
-- KEYS  1 the workers (sorted set, by the time until which each lives)
-- ARGV  1 worker, 2 for how many milliseconds
-- Returns the names of the workers that live, in no order.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
