-- An answer takes the place of the one before it.
-- key: id
INSERT INTO answers
	(id, check_name, fingerprint, `key`, word, text, fields, made, good_until, stale_until)
VALUES
	(:id, :check_name, :fingerprint, :key, :word, :text, :fields, :made, :good_until, :stale_until)
ON DUPLICATE KEY UPDATE
	word = VALUES(word),
	text = VALUES(text),
	fields = VALUES(fields),
	made = VALUES(made),
	good_until = VALUES(good_until),
	stale_until = VALUES(stale_until)
