-- The migrations that were run to their end, in order. -> name
SELECT name FROM dibs_migrations WHERE applied_at IS NOT NULL ORDER BY number
