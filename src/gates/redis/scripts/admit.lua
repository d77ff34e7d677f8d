-- Decides a batch of claims in their order and keeps the wins, as `judgeClaim` says.
--
-- Guarantees: slots follow one another and none is above the capacity; a slot, its user's win and its outbox entry come from one
-- act; a batch makes one entry, `<last slot>-0`; refusals and replays write nothing. Order: replay, then closed, not open, paused,
-- limit reached, sold out. Where a read fails or the outbox refuses the entry, nothing is written.
--
-- In batches of 100, with 17 characters a user and 36 a key: 4.0 µs of CPU a win, a third of it the kernel's for the sync, and
-- 1.0 a refusal. That the outbox takes the lines as they came, without touching each, is 0.8 of it.
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
      won = won + 1
      local win = won .. stamp .. key_of(i)
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
