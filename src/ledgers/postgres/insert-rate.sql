-- The rate of issuing before anything was taken of it; changes nothing where it stands.
INSERT INTO issue_rates (name, tokens, filled_at)
VALUES ('coupons', 0, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (name) DO NOTHING
