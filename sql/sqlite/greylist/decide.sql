-- May it pass? One statement asks and notes, so that of several who ask at once one is the first.
-- A row that came too late begins anew. A time that is a minute or more in the future, as after the
-- clock was set back, counts as now. All right-hand sides see the row as it was.
-- Candidates are triplets of its client that have passed, however long ago: the index alone tells how
-- many there are, and only where they might be enough it is asked which of them count (others.sql).
-- (CAST: without it SQLite does not search the index for a column of RETURNING, but reads all of it.)
-- key: id
INSERT INTO {table}
	(id, client, sender, recipient, first_seen, last_seen,
	passed_at, asks, passes, restarts, delay, retry_window, life)
VALUES
	(:id, :client, :sender, :recipient, :now, :now,
	0, 1, 0, 0, :delay, :retry_window, :life)
ON CONFLICT (id) DO UPDATE SET
	first_seen = CASE
		WHEN CASE WHEN passed_at > 0 THEN excluded.last_seen - last_seen > excluded.life
			ELSE excluded.first_seen - first_seen > excluded.retry_window END
		THEN excluded.first_seen
		WHEN first_seen - excluded.first_seen > 60000 THEN excluded.first_seen
		ELSE first_seen END,
	passed_at = CASE
		WHEN passed_at > 0
		THEN CASE WHEN excluded.last_seen - last_seen > excluded.life THEN 0 ELSE passed_at END
		WHEN excluded.first_seen - first_seen > excluded.retry_window THEN 0
		WHEN excluded.first_seen - first_seen >= excluded.delay THEN excluded.first_seen
		ELSE 0 END,
	asks = CASE
		WHEN CASE WHEN passed_at > 0 THEN excluded.last_seen - last_seen > excluded.life
			ELSE excluded.first_seen - first_seen > excluded.retry_window END
		THEN 1
		ELSE asks + 1 END,
	passes = CASE
		WHEN passed_at > 0
		THEN CASE WHEN excluded.last_seen - last_seen > excluded.life THEN 0 ELSE passes + 1 END
		WHEN excluded.first_seen - first_seen > excluded.retry_window THEN 0
		WHEN excluded.first_seen - first_seen >= excluded.delay THEN 1
		ELSE 0 END,
	restarts = restarts + CASE
		WHEN passed_at > 0 THEN excluded.last_seen - last_seen > excluded.life
		ELSE excluded.first_seen - first_seen > excluded.retry_window END,
	last_seen = excluded.last_seen,
	delay = excluded.delay,
	retry_window = excluded.retry_window,
	life = excluded.life
RETURNING id, client, sender, recipient, first_seen, asks, passes, restarts,
	CASE WHEN passed_at > 0 THEN 0 ELSE (
		SELECT COUNT(*) FROM (
			SELECT 1 FROM {table} AS other
			WHERE other.client = CAST({table}.client AS TEXT) AND other.passed_at > 0
			LIMIT 20)) END AS candidates
