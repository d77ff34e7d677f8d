-- The migrations that were run, in order. -> name
SELECT name FROM dibs_migrations ORDER BY number
