-- Events in byte order of their ids. ?1 behind this id ('' for the first), ?2 limit
SELECT event_id AS eventId, spec, state, revision, epoch, created_at AS createdAt, updated_at AS updatedAt
FROM events WHERE event_id > ?1 ORDER BY event_id LIMIT ?2
