-- One event. ?1 event_id
SELECT event_no AS eventNo, event_id AS eventId, name, capacity, limit_per_user AS limitPerUser, opens_at AS opensAt,
  closes_at AS closesAt, phase, revision, epoch, won, acts, created_at AS createdAt, last_time AS lastTime
FROM events WHERE event_id = ?1
