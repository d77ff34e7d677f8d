-- Decides a batch of claims in their order and keeps the wins, as `judgeClaim` says.
--
-- Guarantees: slots follow one another and none is above the capacity; a slot, its user's win and its outbox entry come from one
-- act; a batch makes one entry, `<last slot>-0`; refusals and replays write nothing. Order: replay, then closed, not open, paused,
-- limit reached, sold out. Where a read fails or the outbox refuses the entry, nothing is written.
--
-- In batches of 100, with 17 characters a user and 36 a key: 3.9 µs of CPU a win, a third of it the kernel's for the sync, and
-- 1.0 a refusal. The outbox takes the lines as they came where all have won: 0.8 of it, had each to be put together.
--
-- KEYS  those of the event.
-- ARGV  1 a line `user key` for each claim, each ended by a line feed; the key is empty where there is none
--       2 '1' where some claim has no key, else ''
--       3 and on: the user of each claim, so that one HMGET asks for all.
-- Returns { status } or { DONE, epoch, time, opensAt or '', limit, one value for each claim }:
--       a new win: slot * 128 + nth; a replay, or no more for this user: the user's wins as they are kept;
--       else a number below 0: -1 closed, -2 not open, -3 paused, -4 sold out, -5 needs a key.
local CLOSED, NOT_OPEN, PAUSED, SOLD_OUT, NEEDS_KEY = -1, -2, -3, -4, -5
-- Lua passes on about 8,000 values at the most.
local STEP = 3000
local PAIRS = '00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354'
  .. '555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899'

local own, status = stand()
if not own then return { status } end
if own.fenced then return { FENCED } end

local count, held = #ARGV - 2, {}
for from = 1, count, STEP do
  local part = redis.pcall('HMGET', users, unpack(ARGV, from + 2, math.min(from + STEP - 1, count) + 2))
  if part.err then return { FENCED } end
  if count <= STEP then held = part
  else for i = 1, #part do held[from + i - 1] = part[i] end end
end

local shut = is_closed(own) and CLOSED
  or own.opensAt and own.now < own.opensAt and NOT_OPEN
  or own.phase == 'paused' and PAUSED

-- The key of claim `i`; claims are asked for in order, some not at all.
local find, sub = string.find, string.sub
local text, at, from, to = ARGV[1], 0, 1, 0
local function key_of(i)
  while at < i do
    at, from = at + 1, to + 1
    to = find(text, '\n', from, true)
  end
  return sub(text, from + #ARGV[i + 2] + 1, to - 1)
end

local limit, capacity, won, now = own.limit, own.capacity, own.won, whole(own.now)
local reply = { DONE, own.epoch, now, own.opensAt and whole(own.opensAt) or '', limit }
local some_without_key = limit > 1 and ARGV[2] == '1'
local stamp = ' ' .. now .. ' '
-- Slots as text: Lua takes 0.25 µs to write a number, so that it writes the hundreds and the rest is cut out of PAIRS. A slot below
-- 10 begins with a 0 so.
local low = won % 100
local high = (won - low) / 100
local hundreds = high > 0 and whole(high) or ''
-- The wins of this batch as they go into the hash: by user, and as its arguments.
local fresh, fields, size, repeated = {}, {}, 0, false

for i = 1, count do
  local user = ARGV[i + 2]
  local mine, answer = fresh[user] or held[i], shut
  if some_without_key and key_of(i) == '' then
    answer = NEEDS_KEY
  elseif mine and (limit == 1 or find(mine .. '\n', ' ' .. key_of(i) .. '\n', 1, true)) then
    answer = mine
  elseif not shut then
    local nth = 1
    if mine then nth = select(2, string.gsub(mine, '\n', '')) + 2 end
    if nth > limit then
      answer = mine
    elseif won >= capacity then
      answer = SOLD_OUT
    else
      won, low = won + 1, low + 1
      if low == 100 then
        low, high = 0, high + 1
        hundreds = whole(high)
      end
      local win = hundreds .. sub(PAIRS, low * 2 + 1, low * 2 + 2) .. stamp .. key_of(i)
      if mine then win, repeated = mine .. '\n' .. win, true end
      fresh[user], fields[size + 1], fields[size + 2] = win, user, win
      size = size + 2
      answer = won * 128 + nth
    end
  end
  reply[i + 5] = answer
end
if size == 0 then return reply end

local entry = { 'of', own.revision .. ' ' .. own.epoch .. ' ' .. now, 'wins', text }
if size < count * 2 or repeated then
  local lines, nths = {}, {}
  at, from, to = 0, 1, 0
  for i = 1, count do
    local answer = reply[i + 5]
    if type(answer) == 'number' and answer > 0 then
      lines[#lines + 1] = ARGV[i + 2] .. ' ' .. key_of(i) .. '\n'
      nths[#nths + 1] = answer % 128
    end
  end
  entry[4], entry[5], entry[6] = table.concat(lines), 'nths', table.concat(nths, ' ')
end
local added = redis.pcall('XADD', outbox, won .. '-0', unpack(entry))
if type(added) == 'table' then return refused(added) end
local more = 0
for first = 1, size, STEP do
  more = more + redis.call('HSET', users, unpack(fields, first, math.min(first + STEP - 1, size)))
end
redis.call('HSET', event, 'won', won, 'acts', 0, 'lastTime', now, 'users', own.users + more)
return reply
