-- Answers of checks with keep_in = "store", which outlive a restart. Times are milliseconds
-- since 1970. Any row may be deleted at any time: the check is asked again.
CREATE TABLE answers (
	id TEXT NOT NULL PRIMARY KEY,  -- hash of check, parameters and key: how an answer is found
	check_name TEXT NOT NULL,
	fingerprint TEXT NOT NULL,     -- of the check's parameters: after a change it is another
	key TEXT NOT NULL,             -- what was asked about, for people
	word TEXT NOT NULL,
	text TEXT NOT NULL,
	fields TEXT NOT NULL,          -- a JSON object
	made INTEGER NOT NULL,
	good_until INTEGER NOT NULL,
	stale_until INTEGER NOT NULL   -- until then it serves while its source fails; then it is deleted
);
CREATE INDEX answers_stale_until ON answers (stale_until);
