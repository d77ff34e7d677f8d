-- Writes what a command has been judged to come to, as the event's next revision with its record.
--
-- Guarantees: only upon the event that was judged: the same revision, no more wins than the new capacity, and not yet the time at
-- which the judgement would have been another. Else nothing is written, and the caller reads and judges again.
--
-- KEYS  those of the event.
-- ARGV  1 the revision judged, 2 act, 3 phase, 4 spec as JSON, 5 capacity, 6 opensAt or '', 7 closesAt or '',
--       8 only before this time, or ''
-- Returns { ABSENT }, { FENCED }, { AGAIN }, or what `look` does.
local own, status = stand()
if not own then return { status } end
if own.fenced then return { FENCED } end
local before = tonumber(ARGV[8])
if own.revision ~= ARGV[1] or own.won > tonumber(ARGV[5]) or before and own.now >= before or is_closed(own) then
  return { AGAIN }
end
own.phase = ARGV[3]
local failed = act(own, ARGV[2], ARGV[4], { 'spec', ARGV[4], 'capacity', ARGV[5], 'opensAt', ARGV[6], 'closesAt', ARGV[7] })
if failed then return failed end
return snapshot(own)
