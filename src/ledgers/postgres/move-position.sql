-- Moves a partition from one position to another, and locks it until the transaction ends. No change where it stands
-- elsewhere. $1 log_partition, $2 from, $3 to
UPDATE log_positions SET position = $3, updated_at = floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
WHERE log_partition = $1 AND position = $2
