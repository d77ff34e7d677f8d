-- Stops events; one that is stopped already keeps its first cause. $1 event_id, $2 cause, $3 stopped_at, of all rows
INSERT INTO stopped_events (event_id, cause, stopped_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (event_id) DO NOTHING
