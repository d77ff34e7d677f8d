-- Counts one more attempt that failed. ?1 id, ?2 error, ?3 next_attempt_at
UPDATE failed_issuances SET attempts = attempts + 1, error = ?2, next_attempt_at = ?3 WHERE id = ?1 AND state = 'waiting'
