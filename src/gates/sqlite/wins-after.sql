-- Wins in slot order behind a slot, up to and with another.
-- ?1 event_no, ?2 slot after, ?3 slot until, ?4 limit -> a win and its revision
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS key, won_at AS wonAt, revision
FROM wins
WHERE event_no = ?1 AND slot > ?2 AND slot <= ?3
ORDER BY slot
LIMIT ?4
