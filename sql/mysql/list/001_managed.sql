-- A list that is managed with `ppolicyctl list`.
CREATE TABLE IF NOT EXISTS {table} (
	value VARCHAR(512) NOT NULL PRIMARY KEY COMMENT 'the entry, as the search of the check wants it',
	reason TEXT COMMENT 'for people',
	author VARCHAR(255) COMMENT 'who added it',
	added BIGINT NOT NULL COMMENT 'moments are milliseconds since 1970',
	until BIGINT COMMENT 'when it ends; NULL = never',
	KEY {table}_until (until)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
	COMMENT = 'ppolicyd: a list';
