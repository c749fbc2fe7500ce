-- How many answers of each check there are, and what they take.
SELECT check_name, COUNT(*) AS number, SUM(LENGTH(`key`) + LENGTH(text) + LENGTH(fields)) AS bytes
FROM answers
WHERE stale_until > :now
GROUP BY check_name
