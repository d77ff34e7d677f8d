-- Ids of events in byte order. ?1 behind this id ('' for the first), ?2 limit
SELECT event_id AS eventId FROM events WHERE event_id > ?1 ORDER BY event_id LIMIT ?2
