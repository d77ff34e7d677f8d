-- Keeps what is left of the rate of issuing; runs inside the transaction that has used it. ?1 tokens, ?2 filled_at
INSERT INTO issue_rates (name, tokens, filled_at) VALUES ('coupons', ?1, ?2)
ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, filled_at = excluded.filled_at
