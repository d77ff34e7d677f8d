-- The coupons of an event that stand where some others belong: at their slots, under their claim ids, or among the wins of
-- their users. Three selects, so that each has its own index. $1 event_id, $2 slots, $3 user_ids, $4 claim_ids
SELECT slot, user_id AS "userId", nth, claim_id AS "claimId" FROM coupons WHERE event_id = $1 AND slot = ANY ($2::integer[])
UNION
SELECT slot, user_id, nth, claim_id FROM coupons WHERE event_id = $1 AND user_id = ANY ($3::text[])
UNION
SELECT slot, user_id, nth, claim_id FROM coupons WHERE event_id = $1 AND claim_id = ANY ($4::text[])
