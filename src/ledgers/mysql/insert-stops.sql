-- Stops events; one that is stopped already keeps its first cause. ?1 rows of event_id, cause, stopped_at
INSERT INTO stopped_events (event_id, cause, stopped_at) VALUES ?1
ON DUPLICATE KEY UPDATE event_id = stopped_events.event_id
