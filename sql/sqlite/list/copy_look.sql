-- Of rows that are to be copied here: which are here already, and when each was changed last.
-- key: value
SELECT value, added AS stamp FROM {table} WHERE value IN (VALUES (:value))
