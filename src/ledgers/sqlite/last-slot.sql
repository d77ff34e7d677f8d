-- The greatest slot of an event that is here, in whatever table; by two looks into indexes, however many there are. ?1 event_id
SELECT MAX(
  COALESCE((SELECT MAX(slot) FROM coupons WHERE event_id = ?1), 0),
  COALESCE((SELECT MAX(slot) FROM failed_issuances WHERE event_id = ?1), 0)
) AS lastSlot
