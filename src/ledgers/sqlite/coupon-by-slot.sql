-- One coupon. ?1 event_id, ?2 slot
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS key, code, won_at AS wonAt, issued_at AS issuedAt
FROM coupons WHERE event_id = ?1 AND slot = ?2
