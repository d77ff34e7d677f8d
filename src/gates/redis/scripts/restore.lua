-- Puts an event in place of whatever stands, its users and its outbox from where they have been laid ready.
--
-- Guarantees: what is laid ready is whole, or nothing is done; from then on the event is served as it is given, by this process.
-- Before, what stood is untouched, so that a restoration that breaks off has changed nothing.
--
-- KEYS  those of the event, 4 the users laid ready, 5 the outbox laid ready.
-- ARGV  1 how many users, 2 how many entries, 3 what has to stand still: 'won acts revision', '' for no event, '*' for whatever
--       there is; and then the fields of the event with their values.
-- Returns { ABSENT } where what was laid ready is not there as a whole, { AGAIN } where something else stands than was expected,
--       or what `look` does.
local standing = stand()
local found = standing and whole(standing.won) .. ' ' .. standing.acts .. ' ' .. standing.revision or ''
if ARGV[3] ~= '*' and ARGV[3] ~= found then
  redis.call('UNLINK', KEYS[4], KEYS[5])
  return { AGAIN }
end
if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[1]) or redis.call('XLEN', KEYS[5]) ~= tonumber(ARGV[2]) then return { ABSENT } end
local run = run_of_server()
redis.call('UNLINK', event, users, outbox)
if tonumber(ARGV[1]) > 0 then
  redis.call('RENAME', KEYS[4], users)
  redis.call('PERSIST', users)
end
redis.call('RENAME', KEYS[5], outbox)
redis.call('PERSIST', outbox)
redis.call('HSET', event, 'run', run, unpack(ARGV, 4))
return snapshot(stand())
