-- Takes a value off the list; the result tells what was there.
DELETE FROM {table} WHERE value = :value
RETURNING value, reason, author, added, until
