-- One win. Hot: once for each claim of a user who has one. ?1 event_no, ?2 slot
SELECT slot, user_id AS userId, nth, claim_id AS claimId, claim_key AS key, won_at AS wonAt
FROM wins WHERE event_no = ?1 AND slot = ?2
