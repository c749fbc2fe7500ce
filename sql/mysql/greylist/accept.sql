-- It passes without waiting, since others of its client have passed; it has just been decided on.
-- key: id
UPDATE {table} JOIN ({each} SELECT CAST(:id AS SIGNED) AS id, CAST(:now AS SIGNED) AS now) AS seen
	ON {table}.id = seen.id
SET
	{table}.passed_at = CASE WHEN {table}.passed_at > 0 THEN {table}.passed_at ELSE seen.now END,
	{table}.passes = {table}.passes + 1
