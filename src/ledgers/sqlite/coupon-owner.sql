-- Whose claim id or (user, nth) stands already, for the words of a conflict.
-- INDEXED BY: without statistics the planner walks the primary key of the event instead.
-- ?1 event_id, ?2 user_id, ?3 nth, ?4 claim_id -> slot
SELECT slot FROM coupons INDEXED BY coupons_by_user WHERE event_id = ?1 AND user_id = ?2 AND nth = ?3
UNION
SELECT slot FROM coupons INDEXED BY coupons_by_claim WHERE event_id = ?1 AND claim_id = ?4
ORDER BY slot LIMIT 1
