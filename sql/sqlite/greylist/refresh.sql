-- It has passed again, as memory says. What was forgotten meanwhile stays so. Neither client nor
-- passed_at is set, so the index is left alone.
-- key: id
WITH seen (id, now, life) AS (VALUES (:id, :now, :life))
UPDATE {table} SET
	last_seen = seen.now,
	passes = {table}.passes + 1,
	life = seen.life
FROM seen
WHERE {table}.id = seen.id AND {table}.passed_at > 0
