-- One win; runs inside the transaction of its batch. Hot.
-- ?1 event_no, ?2 slot, ?3 user_id, ?4 nth, ?5 claim_key, ?6 claim_id, ?7 won_at, ?8 revision
INSERT INTO wins (event_no, slot, user_id, nth, claim_key, claim_id, won_at, revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
