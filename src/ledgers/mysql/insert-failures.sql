-- Failed issuances. A repeat of a slot leaves the one that stands, with all that has been done to it since, and counts no
-- change. ?1 rows of event_id, slot, user_id, record, error, attempts, next_attempt_at, state
INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
VALUES ?1
ON DUPLICATE KEY UPDATE event_id = failed_issuances.event_id
