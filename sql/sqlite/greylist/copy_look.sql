-- Of rows that are to be copied here: which are here already, and when each was changed last.
-- key: id
SELECT id, last_seen AS stamp FROM {table} WHERE id IN (VALUES (:id))
