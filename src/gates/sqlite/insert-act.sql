-- One event record of the outbox. ?1 event_no, ?2 slot, ?3 n, ?4 record
INSERT INTO acts (event_no, slot, n, record) VALUES (?1, ?2, ?3, ?4)
