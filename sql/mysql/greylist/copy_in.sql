-- A row from another database; of two the one that was seen last stays. (From left to right: what
-- decides is changed last.)
-- key: id
INSERT INTO {table}
	(id, client, sender, recipient, first_seen, last_seen,
	passed_at, asks, passes, restarts, delay, retry_window, life)
VALUES
	(:id, :client, :sender, :recipient, :first_seen, :last_seen,
	:passed_at, :asks, :passes, :restarts, :delay, :retry_window, :life)
ON DUPLICATE KEY UPDATE
	first_seen = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(first_seen) ELSE first_seen END,
	passed_at = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(passed_at) ELSE passed_at END,
	asks = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(asks) ELSE asks END,
	passes = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(passes) ELSE passes END,
	restarts = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(restarts) ELSE restarts END,
	delay = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(delay) ELSE delay END,
	retry_window = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(retry_window) ELSE retry_window END,
	life = CASE WHEN VALUES(last_seen) > last_seen THEN VALUES(life) ELSE life END,
	last_seen = GREATEST(last_seen, VALUES(last_seen))
