-- Counts one more attempt that failed. FORCE INDEX: the planner may choose the index over `state`, and then locks all that
-- wait. ?1 id, ?2 error, ?3 next_attempt_at
UPDATE failed_issuances FORCE INDEX (PRIMARY) SET attempts = attempts + 1, error = ?2, next_attempt_at = ?3
WHERE id = ?1 AND state = 'waiting'
