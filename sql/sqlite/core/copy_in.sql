-- An answer from another database; of two the one that was made last stays.
-- key: id
INSERT INTO answers
	(id, check_name, fingerprint, key, word, text, fields, made, good_until, stale_until)
VALUES
	(:id, :check_name, :fingerprint, :key, :word, :text, :fields, :made, :good_until, :stale_until)
ON CONFLICT (id) DO UPDATE SET
	word = excluded.word,
	text = excluded.text,
	fields = excluded.fields,
	made = excluded.made,
	good_until = excluded.good_until,
	stale_until = excluded.stale_until
WHERE excluded.made > answers.made
