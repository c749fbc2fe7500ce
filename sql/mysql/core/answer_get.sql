-- Answers, whether they are good still or not: all that are looked for at a time, in one statement.
-- key: id
SELECT id, check_name, fingerprint, word, text, fields, made, good_until, stale_until
FROM answers
WHERE id IN ((:id))
