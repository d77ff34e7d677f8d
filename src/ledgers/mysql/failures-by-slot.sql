-- The failed issuances of these slots, in slot order. ?1 event_id, ?2 slots
SELECT id, event_id AS eventId, slot, user_id AS userId, record, error, attempts, next_attempt_at AS nextAttemptAt, state, reason
FROM failed_issuances WHERE event_id = ?1 AND slot IN (?2) ORDER BY slot
