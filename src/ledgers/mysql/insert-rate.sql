-- The rate of issuing before anything was taken of it; changes nothing where it stands.
INSERT INTO issue_rates (name, tokens, filled_at)
VALUES ('coupons', 0, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED))
ON DUPLICATE KEY UPDATE name = issue_rates.name
