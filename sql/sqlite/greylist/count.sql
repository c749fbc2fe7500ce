-- How many rows there are, and how many of them have passed.
SELECT
	(SELECT COUNT(*) FROM {table}) AS total,
	(SELECT COUNT(*) FROM {table} WHERE passed_at > 0) AS passed
