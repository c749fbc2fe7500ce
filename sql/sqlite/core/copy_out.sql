-- For `ppolicyctl store copy`: answers that serve still, in the order of their keys, and when each was
-- made.
SELECT id, check_name, fingerprint, key, word, text, fields, made, good_until, stale_until, made AS stamp
FROM answers
WHERE id > COALESCE(:id, '') AND stale_until > :now
ORDER BY id
LIMIT :most
