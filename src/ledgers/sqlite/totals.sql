-- How many of an event's wins are where. A slot that has a coupon counts as that, whatever was kept beside it. ?1 event_id
SELECT
  (SELECT COUNT(*) FROM coupons WHERE event_id = ?1) AS issued,
  (SELECT COUNT(*) FROM failed_issuances AS kept WHERE event_id = ?1 AND slot IS NOT NULL AND state = 'waiting'
     AND NOT EXISTS (SELECT 1 FROM coupons WHERE event_id = ?1 AND coupons.slot = kept.slot)) AS failed,
  (SELECT COUNT(*) FROM failed_issuances AS kept WHERE event_id = ?1 AND slot IS NOT NULL AND state = 'discarded'
     AND NOT EXISTS (SELECT 1 FROM coupons WHERE event_id = ?1 AND coupons.slot = kept.slot)) AS discarded,
  MAX(
    COALESCE((SELECT MAX(slot) FROM coupons WHERE event_id = ?1), 0),
    COALESCE((SELECT MAX(slot) FROM failed_issuances WHERE event_id = ?1), 0)
  ) AS lastSlot
