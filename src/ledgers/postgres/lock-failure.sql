-- The state of a failed issuance, which stays until the transaction ends. $1 id -> state
SELECT state FROM failed_issuances WHERE id = $1 FOR UPDATE
