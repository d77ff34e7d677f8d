-- Makes an event, or gives the one that stands.
--
-- Guarantees: an event is made once, together with its first record `0-1`; what is left of one that has lost its head is not
-- built upon.
--
-- KEYS  those of the event.
-- ARGV  1 spec as JSON, 2 capacity, 3 limit, 4 opensAt or '', 5 closesAt or ''
-- Returns { FENCED } where parts of another stand there, or what `look` does, and 1 behind it where it was made, else 0.
local standing, status = stand()
if status == FENCED or not standing and redis.call('EXISTS', users, outbox) > 0 then return { FENCED } end
if standing then
  is_closed(standing)
  local reply = snapshot(standing)
  reply[#reply + 1] = 0
  return reply
end

local run = run_of_server()
local own = { phase = 'active', revision = 0, epoch = 1, won = 0, acts = 0, now = time_from(0) }
local failed = act(own, 'create', ARGV[1], { 'spec', ARGV[1], 'capacity', ARGV[2], 'limit', ARGV[3], 'opensAt', ARGV[4],
  'closesAt', ARGV[5], 'epoch', 1, 'won', 0, 'users', 0, 'createdAt', whole(own.now), 'run', run })
if failed then return failed end
local reply = snapshot(own)
reply[#reply + 1] = 1
return reply
