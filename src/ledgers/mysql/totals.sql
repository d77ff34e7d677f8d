-- How many of an event's wins are where. A win that was reissued counts as its coupon. ?1 event_id
SELECT
  (SELECT COUNT(*) FROM coupons WHERE event_id = ?1) AS issued,
  (SELECT COUNT(*) FROM failed_issuances WHERE event_id = ?1 AND slot IS NOT NULL AND state = 'waiting') AS failed,
  (SELECT COUNT(*) FROM failed_issuances WHERE event_id = ?1 AND slot IS NOT NULL AND state = 'discarded') AS discarded,
  GREATEST(
    COALESCE((SELECT MAX(slot) FROM coupons WHERE event_id = ?1), 0),
    COALESCE((SELECT MAX(slot) FROM failed_issuances WHERE event_id = ?1), 0)
  ) AS lastSlot
