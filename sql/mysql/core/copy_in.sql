-- An answer from another database; of two the one that was made last stays. (From left to right: what
-- decides is changed last.)
-- key: id
INSERT INTO answers
	(id, check_name, fingerprint, `key`, word, text, fields, made, good_until, stale_until)
VALUES
	(:id, :check_name, :fingerprint, :key, :word, :text, :fields, :made, :good_until, :stale_until)
ON DUPLICATE KEY UPDATE
	word = CASE WHEN VALUES(made) > made THEN VALUES(word) ELSE word END,
	text = CASE WHEN VALUES(made) > made THEN VALUES(text) ELSE text END,
	fields = CASE WHEN VALUES(made) > made THEN VALUES(fields) ELSE fields END,
	good_until = CASE WHEN VALUES(made) > made THEN VALUES(good_until) ELSE good_until END,
	stale_until = CASE WHEN VALUES(made) > made THEN VALUES(stale_until) ELSE stale_until END,
	made = GREATEST(made, VALUES(made))
