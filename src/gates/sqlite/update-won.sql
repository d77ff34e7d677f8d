-- How far an event has come after a batch with wins; runs inside that batch's transaction.
-- ?1 event_no, ?2 won, ?3 last_time
UPDATE events SET won = ?2, acts = 0, last_time = ?3 WHERE event_no = ?1
