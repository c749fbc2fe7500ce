-- What commands to one server drop from memory, for the other servers that use this database.
CREATE TABLE IF NOT EXISTS ppolicyd_notices (
	number BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	made BIGINT NOT NULL COMMENT 'moments are milliseconds since 1970; rows go after a day',
	gateway VARCHAR(255) NOT NULL COMMENT 'the server that got the command',
	author VARCHAR(255) COMMENT 'who gave it',
	tables VARCHAR(160) COMMENT 'answers of checks that use these tables; NULL = any, as in what follows',
	check_name VARCHAR(255) COMMENT 'answers of the check of this name',
	pattern TEXT COMMENT 'whose key fits',
	word VARCHAR(255),
	place VARCHAR(20) COMMENT 'memory: what the table answers has was left alone',
	good_max BIGINT COMMENT 'that are good until then at most',
	made_max BIGINT COMMENT 'that were made until then',
	KEY ppolicyd_notices_made (made)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
	COMMENT = 'ppolicyd: what was dropped; each server looks once a second what is new';
