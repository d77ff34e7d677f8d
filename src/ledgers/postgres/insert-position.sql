-- Claims the place of a partition that has none; changes nothing where one stands. $1 log_partition, $2 position
INSERT INTO log_positions (log_partition, position, updated_at)
VALUES ($1, $2, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
ON CONFLICT (log_partition) DO NOTHING
