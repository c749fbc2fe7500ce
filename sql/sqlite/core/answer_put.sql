-- An answer takes the place of the one before it.
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
