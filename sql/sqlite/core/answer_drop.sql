-- key: id
DELETE FROM answers
WHERE id IN (VALUES (:id))
