-- The rows that follow one.
SELECT seq, client, sender, recipient, first_seen, last_seen, passed_at, asks, passes, restarts,
	delay, retry_window, life
FROM {table}
WHERE seq > :seq
ORDER BY seq
LIMIT :most
