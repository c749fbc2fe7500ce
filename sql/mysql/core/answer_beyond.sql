-- There is no room for those that serve until this moment or less; no row: there is for all.
SELECT stale_until AS moment
FROM answers
ORDER BY stale_until DESC
LIMIT 1 OFFSET :most
