-- Puts a value on the list, or changes what is said of it.
-- key: value
INSERT INTO {table} (value, reason, author, added, until)
VALUES (:value, :reason, :author, :now, NULLIF(:until, 0))
ON CONFLICT (value) DO UPDATE SET
	reason = excluded.reason, author = excluded.author, added = excluded.added, until = excluded.until
RETURNING value, reason, author, added, until
