-- Coupons; runs inside the transaction of their batch. Hot: one text for any number of rows, so that it is planned once.
-- A repeat of a slot changes nothing and counts no change; the caller then reads what stands there. Any other key that is
-- taken is an error, as it must be.
-- $1 event_id, $2 slot, $3 user_id, $4 nth, $5 claim_id, $6 claim_key, $7 code, $8 won_at, $9 issued_at, of all rows
INSERT INTO coupons (event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at)
SELECT * FROM unnest(
  $1::text[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[]
)
ON CONFLICT (event_id, slot) DO NOTHING
