-- Ends a waiting failed issuance. FORCE INDEX: the planner may choose the index over `state`, and then locks all that wait.
-- ?1 id, ?2 state, ?3 reason or null
UPDATE failed_issuances FORCE INDEX (PRIMARY) SET state = ?2, reason = ?3, next_attempt_at = NULL
WHERE id = ?1 AND state = 'waiting'
