-- How many answers of each check there are, and what they take.
SELECT check_name, count(*) AS number, sum(length(key) + length(text) + length(fields)) AS bytes
FROM answers
WHERE stale_until > :now
GROUP BY check_name
