-- One failed issuance. A repeat of its slot leaves the one that stands, with all that has been done to it since.
-- ?1 event_id, ?2 slot, ?3 user_id, ?4 record, ?5 error, ?6 next_attempt_at
INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, 'waiting')
ON CONFLICT (event_id, slot) DO NOTHING
