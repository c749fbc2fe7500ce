-- It passes without waiting, since others of its client have passed; it has just been decided on.
-- key: id
WITH seen (id, now) AS (VALUES (:id, :now))
UPDATE {table} SET
	passed_at = CASE WHEN {table}.passed_at > 0 THEN {table}.passed_at ELSE seen.now END,
	passes = {table}.passes + 1
FROM seen
WHERE {table}.id = seen.id
