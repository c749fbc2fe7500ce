-- How many different triplets of a client have passed in the last 30 days; 20 are enough.
SELECT COUNT(*) AS others FROM (
	SELECT 1 FROM {table}
	WHERE client = :client AND passed_at > 0 AND passes > 0 AND last_seen > :now - 2592000000 -- 30 days
	LIMIT 20) AS known
