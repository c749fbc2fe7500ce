-- Some of those that serve until this moment or less, whatever check they are of.
DELETE FROM answers
WHERE id IN (SELECT id FROM answers WHERE stale_until <= :moment ORDER BY stale_until LIMIT :most)
RETURNING id
