-- Coupons in slot order behind a slot. ?1 event_id, ?2 slot, ?3 limit
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS `key`, code, won_at AS wonAt, issued_at AS issuedAt
FROM coupons WHERE event_id = ?1 AND slot > ?2 ORDER BY slot LIMIT ?3
