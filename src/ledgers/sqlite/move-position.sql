-- Moves a partition's position; the caller has compared what stood there in the same transaction.
-- ?1 log_partition, ?2 position, ?3 updated_at
INSERT INTO log_positions (log_partition, position, updated_at) VALUES (?1, ?2, ?3)
ON CONFLICT (log_partition) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at
