-- One failed issuance. $1 id
SELECT id, event_id AS "eventId", slot, user_id AS "userId", record, error, attempts, next_attempt_at AS "nextAttemptAt", state, reason
FROM failed_issuances WHERE id = $1
