-- Coupons; runs inside the transaction of their batch. Hot. A key that is taken, any of them, changes nothing and counts no
-- change; the caller then reads what stands there and says what it means.
-- ?1 rows of event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at
INSERT INTO coupons (event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at)
VALUES ?1
ON DUPLICATE KEY UPDATE event_id = coupons.event_id
