-- Some of those that serve until this moment or less, whatever check they are of.
SELECT id FROM answers WHERE stale_until <= :moment ORDER BY stale_until, id LIMIT :most FOR UPDATE;
DELETE FROM answers WHERE stale_until <= :moment ORDER BY stale_until, id LIMIT :most
