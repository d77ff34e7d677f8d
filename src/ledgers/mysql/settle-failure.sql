-- Ends a waiting failed issuance. ?1 id, ?2 state, ?3 reason or null
UPDATE failed_issuances SET state = ?2, reason = ?3, next_attempt_at = NULL WHERE id = ?1 AND state = 'waiting'
