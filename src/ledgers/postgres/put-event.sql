-- An event's revision, unless a later one stands.
-- $1 event_id, $2 spec, $3 state, $4 revision, $5 epoch, $6 created_at, $7 updated_at
INSERT INTO events (event_id, spec, state, revision, epoch, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (event_id) DO UPDATE SET
  spec = excluded.spec, state = excluded.state, revision = excluded.revision, epoch = excluded.epoch, updated_at = excluded.updated_at
WHERE excluded.revision > events.revision
