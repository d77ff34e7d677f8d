-- An event as an act has left it. Gives its number.
-- ?1 event_id, ?2 name, ?3 capacity, ?4 limit_per_user, ?5 opens_at, ?6 closes_at, ?7 phase, ?8 revision, ?9 epoch,
-- ?10 won, ?11 acts, ?12 created_at, ?13 last_time -> event_no
INSERT INTO events
  (event_id, name, capacity, limit_per_user, opens_at, closes_at, phase, revision, epoch, won, acts, created_at, last_time)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (event_id) DO UPDATE SET
  name = excluded.name, capacity = excluded.capacity, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
  limit_per_user = excluded.limit_per_user, phase = excluded.phase, revision = excluded.revision, epoch = excluded.epoch,
  won = excluded.won, acts = excluded.acts, created_at = excluded.created_at, last_time = excluded.last_time
RETURNING event_no AS eventNo
