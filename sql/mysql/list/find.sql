-- Is this value on the list now?
SELECT value, reason, author, added, until FROM {table}
WHERE value = :value AND (until IS NULL OR until > :now)
