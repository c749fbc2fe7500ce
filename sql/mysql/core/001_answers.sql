-- Answers of checks with keep_in = "store", which all servers share and which outlive a restart. Any
-- row may be deleted at any time: the check is asked again.
CREATE TABLE IF NOT EXISTS answers (
	id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
		COMMENT 'hash of check, parameters and key: how an answer is found',
	check_name VARCHAR(255) NOT NULL,
	fingerprint CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
		COMMENT 'of the parameters of the check: after a change it is another',
	`key` TEXT NOT NULL COMMENT 'what was asked about, for people',
	word VARCHAR(255) NOT NULL COMMENT 'the answer',
	text TEXT NOT NULL COMMENT 'the same as a sentence',
	fields MEDIUMTEXT NOT NULL COMMENT 'what else it says: a JSON object',
	made BIGINT NOT NULL COMMENT 'moments are milliseconds since 1970',
	good_until BIGINT NOT NULL,
	stale_until BIGINT NOT NULL
		COMMENT 'until then it serves while its source fails; then it is deleted',
	KEY answers_stale_until (stale_until, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
	COMMENT = 'ppolicyd: kept answers of checks';
