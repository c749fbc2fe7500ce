-- Takes a value off the list; the result tells what was there.
SELECT value, reason, author, added, until FROM {table}
WHERE value = :value
FOR UPDATE;
DELETE FROM {table} WHERE value = :value
