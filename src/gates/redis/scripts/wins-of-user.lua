-- Gives the wins of one user.
--
-- KEYS  those of the event.
-- ARGV  1 user
-- Returns { ABSENT }, { FENCED } where what stands there is no event, or { DONE, epoch, the wins as they are kept, '' for none }.
local epoch, held = redis.pcall('HGET', event, 'epoch'), redis.pcall('HGET', users, ARGV[1])
if not epoch then return { ABSENT } end
if type(epoch) == 'table' or type(held) == 'table' then return { FENCED } end
return { DONE, epoch, held or '' }
