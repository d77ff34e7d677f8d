-- The wins of one user, by nth. Hot: once for each claim (0.6 µs where there is none).
-- ?1 event_no, ?2 user_id -> slot, user_id, nth, claim_id, claim_key, won_at
-- INDEXED BY: the planner was seen to walk the primary key instead, 1,513 µs a win where this is 4.7.
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS key, won_at AS wonAt
FROM wins INDEXED BY wins_by_user
WHERE event_no = ?1 AND user_id = ?2
ORDER BY nth
