-- Deletes some of what has ended.
DELETE FROM {table} WHERE until <= :now LIMIT 500
