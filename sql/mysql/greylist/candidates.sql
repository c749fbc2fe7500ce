-- How many triplets of a client have passed, however long ago? Not counted but bounded: 20 where there
-- are five or more, else 4. The index alone tells, from its end on, so that the thousands that wait of a
-- client are not looked at; only where they might be enough it is asked which of them count (others.sql).
-- key: client
SELECT asked.client AS client,
	CASE WHEN (SELECT other.passed_at FROM {table} AS other WHERE other.client = asked.client
			ORDER BY other.passed_at DESC LIMIT 1 OFFSET 4) > 0 THEN 20
		ELSE 4 END AS candidates
FROM ({each} SELECT CAST(:client AS CHAR(255)) AS client) AS asked
