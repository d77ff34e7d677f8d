-- Event records behind a place of the outbox. ?1 event_no, ?2 slot, ?3 n, ?4 limit
SELECT slot, n, record FROM acts WHERE event_no = ?1 AND (slot, n) > (?2, ?3) ORDER BY slot, n LIMIT ?4
