-- How many failed issuances are in which state, of all events. -> state, count
SELECT state, count(*) AS count FROM failed_issuances GROUP BY state
