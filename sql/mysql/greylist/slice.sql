-- The rows that follow one.
SELECT id AS seq, client, sender, recipient, first_seen, last_seen, passed_at, asks, passes, restarts,
	delay, retry_window, life
FROM {table}
WHERE id > :seq
ORDER BY id
LIMIT :most
