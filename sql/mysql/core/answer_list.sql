-- A part of all answers, in the order of their ids, for people.
SELECT id, check_name, fingerprint, `key`, word, text, fields, made, good_until, stale_until
FROM answers
WHERE id > :after AND stale_until > :now
ORDER BY id
LIMIT :most
