-- An entry from another database; of two the one that was added last stays. (From left to right: what
-- decides is changed last.)
-- key: value
INSERT INTO {table} (value, reason, author, added, until)
VALUES (:value, :reason, :author, :added, :until)
ON DUPLICATE KEY UPDATE
	reason = CASE WHEN VALUES(added) > added THEN VALUES(reason) ELSE reason END,
	author = CASE WHEN VALUES(added) > added THEN VALUES(author) ELSE author END,
	until = CASE WHEN VALUES(added) > added THEN VALUES(until) ELSE until END,
	added = GREATEST(added, VALUES(added))
