-- What commands to one server drop from memory, for the other servers that use this database: each looks
-- once a second what is new. A column that is NULL means any. Moments are milliseconds since 1970.
-- Rows go after a day.
CREATE TABLE ppolicyd_notices (
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	made INTEGER NOT NULL,
	gateway TEXT NOT NULL,     -- the server that got the command
	author TEXT,               -- who gave it
	tables TEXT,               -- answers of checks that use these tables, as ppolicyd_schema names them
	check_name TEXT,           -- answers of the check of this name
	pattern TEXT,              -- whose key fits
	word TEXT,
	place TEXT,                -- memory: what the table answers has was left alone
	good_max INTEGER,          -- that are good until then at most
	made_max INTEGER           -- that were made until then
);
CREATE INDEX ppolicyd_notices_made ON ppolicyd_notices (made);
