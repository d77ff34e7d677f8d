-- What an event has waiting is due at once, whatever the clock says. ?1 event_id
UPDATE failed_issuances SET next_attempt_at = 0 WHERE event_id = ?1 AND state = 'waiting'
