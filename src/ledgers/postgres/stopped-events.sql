-- All stopped events in byte order of their ids. -> eventId, cause
SELECT event_id AS "eventId", cause FROM stopped_events ORDER BY event_id
