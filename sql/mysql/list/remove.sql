-- Takes a value off the list; the result tells what was there. To = blanks at the end are nothing, so the
-- length has to be the same.
SELECT value, reason, author, added, until FROM {table}
WHERE value = :value AND LENGTH(value) = LENGTH(:value)
FOR UPDATE;
DELETE FROM {table} WHERE value = :value AND LENGTH(value) = LENGTH(:value)
