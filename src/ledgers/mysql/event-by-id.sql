-- One event. ?1 event_id
SELECT event_id AS eventId, spec, state, revision, epoch, created_at AS createdAt, updated_at AS updatedAt
FROM events WHERE event_id = ?1
