-- For `ppolicyctl store copy`: rows in the order of their keys, and when each was changed last.
SELECT id, client, sender, recipient, first_seen, last_seen,
	passed_at, asks, passes, restarts, delay, retry_window, life, last_seen AS stamp
FROM {table}
WHERE id > COALESCE(:id, -1)
ORDER BY id
LIMIT :most
