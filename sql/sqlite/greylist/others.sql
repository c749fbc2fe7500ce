-- How many different triplets of a client have passed in the last 30 days; 20 are enough. From those that
-- passed last on: behind them a client that is used much has thousands that were not seen for long.
SELECT COUNT(*) AS others FROM (
	SELECT 1 FROM {table}
	WHERE client = :client AND passed_at > 0 AND passes > 0 AND last_seen > :now - 2592000000 -- 30 days
	ORDER BY passed_at DESC
	LIMIT 20)
