-- A list that is managed with `ppolicyctl list`. Moments are milliseconds since 1970.
CREATE TABLE {table} (
	value TEXT NOT NULL PRIMARY KEY, -- the entry, as the check's search wants it
	reason TEXT,                     -- for people
	author TEXT,                     -- who added it
	added INTEGER NOT NULL,
	until INTEGER                    -- when it ends; NULL = never
) WITHOUT ROWID;
CREATE INDEX {table}_until ON {table} (until) WHERE until IS NOT NULL;
