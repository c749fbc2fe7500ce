-- Is this value on the list now? To = blanks at the end are nothing, so the length has to be the same.
SELECT value, reason, author, added, until FROM {table}
WHERE value = :value AND LENGTH(value) = LENGTH(:value) AND (until IS NULL OR until > :now)
