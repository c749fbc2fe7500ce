-- Which of the servers that use this database does what one of them is to do.
CREATE TABLE IF NOT EXISTS ppolicyd_duties (
	name VARCHAR(160) NOT NULL PRIMARY KEY COMMENT 'of tables, as ppolicyd_schema names them',
	gateway VARCHAR(255) NOT NULL,
	until BIGINT NOT NULL COMMENT 'milliseconds since 1970: then others may take it'
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
	COMMENT = 'ppolicyd: which server deletes what is over its time';
