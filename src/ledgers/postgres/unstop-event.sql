-- Lets an event go on that was stopped. $1 event_id
DELETE FROM stopped_events WHERE event_id = $1
