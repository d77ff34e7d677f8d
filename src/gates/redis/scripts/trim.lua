-- Drops the entries of the outbox before a place that the ledger has.
--
-- Guarantees: the entry at that place stays, and so does the last one, wherever the place is: an outbox is never empty, by which
-- one that was lost is known.
--
-- KEYS  those of the event.
-- ARGV  1 slot, 2 n of the place
-- Returns { DONE }.
local row = redis.pcall('HMGET', event, 'won', 'acts')
if row.err or not row[1] or not row[2] then return { DONE } end
local slot, n, won, acts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(row[1]), tonumber(row[2])
if slot > won or slot == won and n > acts then slot, n = won, acts end
redis.pcall('XTRIM', outbox, 'MINID', '=', slot .. '-' .. n)
return { DONE }
