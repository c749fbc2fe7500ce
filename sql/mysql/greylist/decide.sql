-- May it pass? One statement asks and notes, so that of several who ask at once one is the first.
-- A row that came too late begins anew. A time that is a minute or more in the future, as after the
-- clock was set back, counts as now. MySQL assigns from left to right, so what is read stands before
-- what changes it; passed_at comes out the same whether it sees the first_seen from before or the one
-- that was just set, which is either the same or now.
-- Candidates -1: candidates.sql tells, by another connection at the same time. Here it would cost as
-- much as all the rest, and behind RETURNING lock what it reads.
-- key: id
INSERT INTO {table}
	(id, client, sender, recipient, first_seen, last_seen,
	passed_at, asks, passes, restarts, delay, retry_window, life)
VALUES
	(:id, :client, :sender, :recipient, :now, :now,
	0, 1, 0, 0, :delay, :retry_window, :life)
ON DUPLICATE KEY UPDATE
	asks = CASE
		WHEN CASE WHEN passed_at > 0 THEN VALUES(last_seen) - last_seen > VALUES(life)
			ELSE VALUES(first_seen) - first_seen > VALUES(retry_window) END
		THEN 1
		ELSE asks + 1 END,
	passes = CASE
		WHEN passed_at > 0
		THEN CASE WHEN VALUES(last_seen) - last_seen > VALUES(life) THEN 0 ELSE passes + 1 END
		WHEN VALUES(first_seen) - first_seen > VALUES(retry_window) THEN 0
		WHEN VALUES(first_seen) - first_seen >= VALUES(delay) THEN 1
		ELSE 0 END,
	restarts = restarts + CASE
		WHEN passed_at > 0 THEN VALUES(last_seen) - last_seen > VALUES(life)
		ELSE VALUES(first_seen) - first_seen > VALUES(retry_window) END,
	first_seen = CASE
		WHEN CASE WHEN passed_at > 0 THEN VALUES(last_seen) - last_seen > VALUES(life)
			ELSE VALUES(first_seen) - first_seen > VALUES(retry_window) END
		THEN VALUES(first_seen)
		WHEN first_seen - VALUES(first_seen) > 60000 THEN VALUES(first_seen)
		ELSE first_seen END,
	passed_at = CASE
		WHEN passed_at > 0
		THEN CASE WHEN VALUES(last_seen) - last_seen > VALUES(life) THEN 0 ELSE passed_at END
		WHEN VALUES(first_seen) - first_seen > VALUES(retry_window) THEN 0
		WHEN VALUES(first_seen) - first_seen >= VALUES(delay) THEN VALUES(first_seen)
		ELSE 0 END,
	last_seen = VALUES(last_seen),
	delay = VALUES(delay),
	retry_window = VALUES(retry_window),
	life = VALUES(life);
SELECT id, client, sender, recipient, first_seen, asks, passes, restarts,
	-1 AS candidates
FROM {table}
WHERE id IN ((:id))
