-- When that one of the waiting rows began which has so many before it.
SELECT first_seen AS moment FROM {table} WHERE passed_at = 0 ORDER BY first_seen LIMIT 1 OFFSET :before
