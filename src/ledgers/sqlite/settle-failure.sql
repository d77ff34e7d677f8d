-- Ends a waiting failed issuance. ?1 id, ?2 state, ?3 reason or null, ?4 1 where it holds its slot no more, else 0
UPDATE failed_issuances SET state = ?2, reason = ?3, next_attempt_at = NULL, slot = CASE ?4 WHEN 1 THEN NULL ELSE slot END
WHERE id = ?1 AND state = 'waiting'
