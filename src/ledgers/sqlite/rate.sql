-- What is left of the rate of issuing. -> tokens, filledAt
SELECT tokens, filled_at AS filledAt FROM issue_rates WHERE name = 'coupons'
