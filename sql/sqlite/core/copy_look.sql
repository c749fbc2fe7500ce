-- Of answers that are to be copied here: which are here already, and when each was made.
-- key: id
SELECT id, made AS stamp FROM answers WHERE id IN (VALUES (:id))
