-- How many of an event's wins are where. A win that was reissued counts as its coupon. $1 event_id
SELECT
  (SELECT count(*) FROM coupons WHERE event_id = $1) AS issued,
  (SELECT count(*) FROM failed_issuances WHERE event_id = $1 AND slot IS NOT NULL AND state = 'waiting') AS failed,
  (SELECT count(*) FROM failed_issuances WHERE event_id = $1 AND slot IS NOT NULL AND state = 'discarded') AS discarded,
  greatest(
    coalesce((SELECT max(slot) FROM coupons WHERE event_id = $1), 0),
    coalesce((SELECT max(slot) FROM failed_issuances WHERE event_id = $1), 0)
  ) AS "lastSlot"
