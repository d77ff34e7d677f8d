-- One coupon; runs inside the transaction of its batch. Hot. A repeat of the slot changes nothing and counts no change; the
-- caller then reads what stands there. Any other key that is taken is an error, as it must be.
-- ?1 event_id, ?2 slot, ?3 user_id, ?4 nth, ?5 claim_id, ?6 claim_key, ?7 code, ?8 won_at, ?9 issued_at
INSERT INTO coupons (event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (event_id, slot) DO NOTHING
