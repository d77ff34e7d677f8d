-- What is left of the rate of issuing, which nobody else takes of until the transaction ends. -> tokens, filledAt
SELECT tokens, filled_at AS "filledAt" FROM issue_rates WHERE name = 'coupons' FOR UPDATE
