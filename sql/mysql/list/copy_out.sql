-- For `ppolicyctl store copy`: rows in the order of their keys, and when each was changed last.
SELECT value, reason, author, added, until, added AS stamp
FROM {table}
WHERE value > COALESCE(:value, '')
ORDER BY value
LIMIT :most
