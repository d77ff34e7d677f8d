-- Puts an event in place of whatever stands, its users and its outbox from where they have been laid ready.
--
-- Guarantees: what is laid ready is whole, or nothing is done; from then on the event is served as it is given, by this process.
-- Before, what stood is untouched, so that a restoration that breaks off has changed nothing.
--
-- KEYS  those of the event, 4 the users laid ready, 5 the outbox laid ready.
-- ARGV  1 how many users, 2 how many entries, and then the fields of the event with their values.
-- Returns { AGAIN } where what was laid ready is not there as a whole, or what `look` does.
if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[1]) or redis.call('XLEN', KEYS[5]) ~= tonumber(ARGV[2]) then return { AGAIN } end
local run = run_of_server()
redis.call('UNLINK', event, users, outbox)
if tonumber(ARGV[1]) > 0 then
  redis.call('RENAME', KEYS[4], users)
  redis.call('PERSIST', users)
end
redis.call('RENAME', KEYS[5], outbox)
redis.call('PERSIST', outbox)
redis.call('HSET', event, 'run', run, unpack(ARGV, 3))
return snapshot(stand())
