-- Keeps what is left of the rate of issuing; the caller has locked it in the same transaction. ?1 tokens, ?2 filled_at
UPDATE issue_rates SET tokens = ?1, filled_at = ?2 WHERE name = 'coupons'
