-- It has passed again, as memory says. What was forgotten meanwhile stays so. Neither client nor
-- passed_at is set, so the index is left alone.
-- key: id
UPDATE {table} JOIN (
	{each} SELECT CAST(:id AS SIGNED) AS id, CAST(:now AS SIGNED) AS now, CAST(:life AS SIGNED) AS life
) AS seen
	ON {table}.id = seen.id AND {table}.passed_at > 0
SET
	{table}.last_seen = seen.now,
	{table}.passes = {table}.passes + 1,
	{table}.life = seen.life
