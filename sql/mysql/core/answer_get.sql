-- One answer, whether it is good still or not.
SELECT check_name, fingerprint, word, text, fields, made, good_until, stale_until
FROM answers
WHERE id = :id
