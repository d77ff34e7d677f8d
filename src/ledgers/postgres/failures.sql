-- Failed issuances in order of their ids, all of them or those of one state and event. $1 behind this id, $2 state or null,
-- $3 event_id or null, $4 limit
SELECT id, event_id AS "eventId", slot, user_id AS "userId", record, error, attempts, next_attempt_at AS "nextAttemptAt", state, reason
FROM failed_issuances
WHERE id > $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR event_id = $3)
ORDER BY id LIMIT $4
