-- How many failed issuances are in which state, of all events. -> state, count
SELECT state, COUNT(*) AS `count` FROM failed_issuances GROUP BY state
