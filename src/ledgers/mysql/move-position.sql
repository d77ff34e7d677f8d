-- Moves a partition from one position to another, and locks it until the transaction ends. No change where it stands
-- elsewhere; nor where it is to stay and the clock stands still, which the caller tells apart. ?1 log_partition, ?2 from, ?3 to
UPDATE log_positions SET `position` = ?3, updated_at = CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)
WHERE log_partition = ?1 AND `position` = ?2
