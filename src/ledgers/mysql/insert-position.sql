-- Claims the place of a partition that has none; changes nothing where one stands. ?1 log_partition, ?2 position
INSERT INTO log_positions (log_partition, `position`, updated_at)
VALUES (?1, ?2, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED))
ON DUPLICATE KEY UPDATE log_partition = log_positions.log_partition
