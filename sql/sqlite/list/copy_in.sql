-- An entry from another database; of two the one that was added last stays.
-- key: value
INSERT INTO {table} (value, reason, author, added, until)
VALUES (:value, :reason, :author, :added, :until)
ON CONFLICT (value) DO UPDATE SET
	reason = excluded.reason, author = excluded.author, added = excluded.added, until = excluded.until
WHERE excluded.added > {table}.added
