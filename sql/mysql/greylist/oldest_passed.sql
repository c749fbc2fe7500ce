-- When that one of the passed rows was seen last which has so many before it.
SELECT last_seen AS moment FROM {table} WHERE passed_at > 0 ORDER BY last_seen LIMIT 1 OFFSET :before
