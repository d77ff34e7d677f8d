-- Stops an event; one that is stopped already keeps its first cause. ?1 event_id, ?2 cause, ?3 stopped_at
INSERT INTO stopped_events (event_id, cause, stopped_at) VALUES (?1, ?2, ?3) ON CONFLICT (event_id) DO NOTHING
