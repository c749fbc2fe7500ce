-- A row from another database; of two the one that was seen last stays.
-- key: id
INSERT INTO {table}
	(id, client, sender, recipient, first_seen, last_seen,
	passed_at, asks, passes, restarts, delay, retry_window, life)
VALUES
	(:id, :client, :sender, :recipient, :first_seen, :last_seen,
	:passed_at, :asks, :passes, :restarts, :delay, :retry_window, :life)
ON CONFLICT (id) DO UPDATE SET
	first_seen = excluded.first_seen,
	last_seen = excluded.last_seen,
	passed_at = excluded.passed_at,
	asks = excluded.asks,
	passes = excluded.passes,
	restarts = excluded.restarts,
	delay = excluded.delay,
	retry_window = excluded.retry_window,
	life = excluded.life
WHERE excluded.last_seen > {table}.last_seen
