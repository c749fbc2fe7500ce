-- key: id
DELETE FROM answers
WHERE id IN ((:id))
