-- Serves an event on after its Redis has become another process, where what stands covers what else is known of it.
--
-- Guarantees: the process that is to serve is moved only where the three keys belong together, down to the last entry of the
-- outbox, and have as many wins and revisions as asked for; else nothing is written. Two at once are harmless.
--
-- KEYS  those of the event.
-- ARGV  1 won, 2 revision: what ledger and log know
-- Returns { ABSENT } or { DONE, 1 or 0 }: whether it is served now, and covers that.
local own, status = stand()
if status == ABSENT then return { ABSENT } end
if not own or not own.together or own.won < tonumber(ARGV[1]) or tonumber(own.revision) < tonumber(ARGV[2]) then
  return { DONE, 0 }
end
local last = redis.call('XREVRANGE', outbox, '+', '-', 'COUNT', 1)[1][1]
if last ~= own.won .. '-' .. own.acts then return { DONE, 0 } end
if own.fenced then redis.call('HSET', event, 'run', run_of_server()) end
return { DONE, 1 }
