-- All that is on the list now.
SELECT value, reason, author, added, until FROM {table}
WHERE until IS NULL OR until > :now
ORDER BY value
