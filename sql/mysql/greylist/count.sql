-- How many rows there are, and how many of them have passed.
SELECT COUNT(*) AS total, COUNT(CASE WHEN passed_at > 0 THEN 1 END) AS passed FROM {table}
