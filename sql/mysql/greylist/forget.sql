-- As if it had never been seen.
DELETE FROM {table} WHERE id = :seq
