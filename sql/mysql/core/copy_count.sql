-- How many answers there are to be copied.
SELECT COUNT(*) AS total FROM answers WHERE stale_until > :now
