-- Gives a piece of all users with their wins; every one that stays there during a whole scan at least once.
--
-- KEYS  those of the event.
-- ARGV  1 cursor, '0' begins; 2 about how many users
-- Returns { ABSENT }, { FENCED } where what stands there is no event, or { DONE, epoch, cursor, user, wins, user, wins, … };
--       cursor '0' at the end.
local epoch, piece = redis.pcall('HGET', event, 'epoch'), redis.pcall('HSCAN', users, ARGV[1], 'COUNT', ARGV[2])
if not epoch then return { ABSENT } end
if type(epoch) == 'table' or piece.err then return { FENCED } end
local reply, found = { DONE, epoch, piece[1] }, piece[2]
for i = 1, #found do reply[i + 3] = found[i] end
return reply
