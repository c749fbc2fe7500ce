-- How many rows there are to be copied.
SELECT COUNT(*) AS total FROM {table}
