-- Puts a value on the list, or changes what is said of it.
-- key: value
INSERT INTO {table} (value, reason, author, added, until)
VALUES (:value, :reason, :author, :now, NULLIF(:until, 0))
ON DUPLICATE KEY UPDATE
	reason = VALUES(reason), author = VALUES(author), added = VALUES(added), until = VALUES(until);
SELECT value, reason, author, added, until FROM {table}
WHERE value IN ((:value))
