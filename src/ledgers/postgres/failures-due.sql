-- Waiting failed issuances that are due, the longest due first. $1 now, $2 limit
SELECT id, event_id AS "eventId", slot, user_id AS "userId", record, error, attempts, next_attempt_at AS "nextAttemptAt", state, reason
FROM failed_issuances
WHERE state = 'waiting' AND next_attempt_at <= $1
ORDER BY next_attempt_at LIMIT $2
