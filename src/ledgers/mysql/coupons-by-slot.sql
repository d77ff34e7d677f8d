-- The coupons of these slots, in slot order. ?1 event_id, ?2 slots
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS `key`, code, won_at AS wonAt, issued_at AS issuedAt
FROM coupons WHERE event_id = ?1 AND slot IN (?2) ORDER BY slot
