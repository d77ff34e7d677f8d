-- Gives the event as it stands, its end by time put on record.
--
-- KEYS  those of the event.
-- Returns { ABSENT }, { FENCED } where what stands there is no event, or { DONE, time, fenced: 1 or 0, spec, phase, revision,
--       epoch, won, acts, createdAt, lastTime }.
local own, status = stand()
if not own then return { status } end
is_closed(own)
return snapshot(own)
