-- What an event has waiting is due at once, whatever the clock says. FORCE INDEX: the planner may choose the index over `state`,
-- and then locks all that wait. ?1 event_id
UPDATE failed_issuances FORCE INDEX (failed_issuances_by_slot) SET next_attempt_at = 0 WHERE event_id = ?1 AND state = 'waiting'
