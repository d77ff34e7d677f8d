-- Ends a waiting failed issuance. FORCE INDEX: the planner may choose the index over `state`, and then locks all that wait.
-- ?1 id, ?2 state, ?3 reason or null, ?4 1 where it holds its slot no more, else 0
UPDATE failed_issuances FORCE INDEX (PRIMARY) SET state = ?2, reason = ?3, next_attempt_at = NULL,
  slot = CASE ?4 WHEN 1 THEN NULL ELSE slot END
WHERE id = ?1 AND state = 'waiting'
