-- Triplets of the module greylist. Where SQLite has a number in order of arrival, the id itself is the
-- key here: rows lie in its order, and one index less has to be written.
CREATE TABLE IF NOT EXISTS {table} (
	id BIGINT NOT NULL PRIMARY KEY
		COMMENT '63 bits of SHA-256 of client, NUL, sender, NUL, recipient',
	client VARCHAR(255) NOT NULL
		COMMENT 'network, such as 192.0.2.0/24, or what a rule gave in its place',
	sender VARCHAR(255) NOT NULL COMMENT 'folded; <> is the null sender',
	recipient VARCHAR(255) NOT NULL COMMENT 'folded',
	first_seen BIGINT NOT NULL
		COMMENT 'when it began to wait; times are milliseconds since 1970, lengths milliseconds',
	last_seen BIGINT NOT NULL COMMENT 'when it was asked about last',
	passed_at BIGINT NOT NULL COMMENT 'when it passed first, or was released; 0: it waits',
	asks BIGINT NOT NULL COMMENT 'since first_seen; those answered from memory do not count',
	passes BIGINT NOT NULL COMMENT 'how often it has passed; answers from memory do not count',
	restarts BIGINT NOT NULL COMMENT 'how often it began to wait anew, because it came too late',
	delay BIGINT NOT NULL COMMENT 'parameters of the check that asked last',
	retry_window BIGINT NOT NULL COMMENT 'waiting ones end at first_seen + retry_window',
	life BIGINT NOT NULL COMMENT 'passed ones end at last_seen + life',
	KEY {table}_passed (client, passed_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
	COMMENT = 'ppolicyd: triplets of client, sender and recipient';
