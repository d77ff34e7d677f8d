-- An event's revision, unless a later one stands. The row comes as a derived table because that is how both MySQL 8 and
-- MariaDB let it be named below: MariaDB has no row alias, and MySQL gives up VALUES(). `revision` is set last: what is set
-- is seen by what follows. ?1 event_id, ?2 spec, ?3 state, ?4 revision, ?5 epoch, ?6 created_at, ?7 updated_at
INSERT INTO events (event_id, spec, state, revision, epoch, created_at, updated_at)
SELECT * FROM (
  SELECT ?1 AS event_id, ?2 AS spec, ?3 AS state, ?4 AS revision, ?5 AS epoch, ?6 AS created_at, ?7 AS updated_at
) AS given
ON DUPLICATE KEY UPDATE
  spec = IF(given.revision > events.revision, given.spec, events.spec),
  state = IF(given.revision > events.revision, given.state, events.state),
  epoch = IF(given.revision > events.revision, given.epoch, events.epoch),
  updated_at = IF(given.revision > events.revision, given.updated_at, events.updated_at),
  revision = GREATEST(given.revision, events.revision)
