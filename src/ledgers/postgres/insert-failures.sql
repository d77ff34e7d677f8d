-- Failed issuances, numbered in the order of the rows. A repeat of a slot leaves the one that stands, with all that has been
-- done to it since, and counts no change.
-- $1 event_id, $2 slot, $3 user_id, $4 record, $5 error, $6 attempts, $7 next_attempt_at, $8 state, of all rows
INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
SELECT event_id, slot, user_id, record, error, attempts, next_attempt_at, state
FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::text[])
  WITH ORDINALITY AS given (event_id, slot, user_id, record, error, attempts, next_attempt_at, state, number)
ORDER BY number
ON CONFLICT (event_id, slot) DO NOTHING
