-- How many triplets of a client have passed, however long ago? Beyond 20 it is not counted on. What
-- decide.sql says of them already is not asked again.
SELECT :client AS client, COUNT(*) AS candidates
FROM (SELECT 1 FROM {table} WHERE client = :client AND passed_at > 0 LIMIT 20)
