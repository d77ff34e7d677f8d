-- What every script on one event begins with; it is put in front of each and does nothing by itself.
--
-- Guarantees, for all of them: nobody decides for an event whose Redis is another process than the one that wrote it last, or
-- whose three keys do not belong together; its time never runs back; its end by time is put on record by whoever sees it first.
-- Everything is read and checked before the first write, because a script that fails keeps what it has written.
--
-- KEYS  1 the event (hash), 2 its users (hash: user -> wins, a line each: slot, time, key), 3 its outbox (stream).
local event, users, outbox = KEYS[1], KEYS[2], KEYS[3]

-- The first value of every reply.
local ABSENT, DONE, FENCED, AGAIN = 0, 1, 2, 3

-- A whole number as text: Lua's own way keeps 14 digits, and a time may have 15.
local function whole(number)
  return string.format('%.0f', number)
end

-- Milliseconds since 1970 by this server's clock, but never before `last`.
local function time_from(last)
  local time = redis.call('TIME')
  return math.max(time[1] * 1000 + math.floor(time[2] / 1000), last)
end

-- Which process this is. Only INFO tells: 3 µs a call, next to nothing a batch.
local function run_of_server()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

-- The event as it stands, or nothing and a status where there is none, or what stands there is no event.
-- `fenced` where the process is another, or a part is missing, or the outbox has what the event does not know of.
local function stand()
  local row = redis.pcall('HMGET', event, 'run', 'phase', 'opensAt', 'closesAt', 'limit', 'capacity', 'won', 'users', 'epoch',
    'revision', 'acts', 'lastTime')
  if row.err then return nil, FENCED end
  if not row[1] then return nil, redis.call('EXISTS', event) == 0 and ABSENT or FENCED end
  for i = 2, 12 do
    if not row[i] then return nil, FENCED end
  end
  local own = {
    run = row[1], phase = row[2], opensAt = tonumber(row[3]), closesAt = tonumber(row[4]), limit = tonumber(row[5]),
    capacity = tonumber(row[6]), won = tonumber(row[7]), users = tonumber(row[8]), epoch = row[9], revision = row[10],
    acts = row[11], now = time_from(tonumber(row[12])),
  }
  local kept = redis.pcall('XLEN', outbox)
  own.together = redis.pcall('HLEN', users) == own.users and type(kept) == 'number' and kept > 0
    and #redis.call('XRANGE', outbox, '(' .. row[7] .. '-' .. row[11], '+', 'COUNT', 1) == 0
  own.fenced = not own.together or run_of_server() ~= own.run
  return own
end

-- What a refusal of the outbox comes to: an entry at or behind this place was there before, so that the keys do not belong
-- together; or there is no room. Nothing has been written in either case.
local function refused(added)
  return string.find(added.err, 'equal or smaller', 1, true) and { FENCED } or added
end

-- Makes the next revision, of what `own` says: its record in the outbox, then the event itself with `fields` besides.
-- Gives a reply where the outbox refuses the record; then nothing has changed.
local function act(own, name, spec, fields)
  local acts, revision, now = own.acts + 1, own.revision + 1, whole(own.now)
  local added = redis.pcall('XADD', outbox, own.won .. '-' .. acts, 'act', name, 'phase', own.phase, 'revision', revision,
    'epoch', own.epoch, 'time', now, 'spec', spec)
  if type(added) == 'table' then return refused(added) end
  redis.call('HSET', event, 'phase', own.phase, 'revision', revision, 'acts', acts, 'lastTime', now, unpack(fields))
end

-- Whether time or an act has closed the event. Time's end is put on record; where there is no room for it, it is closed all the same.
local function is_closed(own)
  if own.phase == 'closed' then return true end
  if not own.closesAt or own.now < own.closesAt then return false end
  if not own.fenced then
    own.phase = 'closed'
    act(own, 'close', redis.call('HGET', event, 'spec'), {})
  end
  return true
end

-- The event as a reply: what the caller makes a snapshot of.
local function snapshot(own)
  return { DONE, whole(own.now), own.fenced and 1 or 0, unpack(redis.call('HMGET', event, 'spec', 'phase', 'revision', 'epoch',
    'won', 'acts', 'createdAt', 'lastTime')) }
end
