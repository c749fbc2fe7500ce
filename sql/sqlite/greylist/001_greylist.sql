-- Triplets of the module greylist. Times are milliseconds since 1970, lengths are milliseconds.
-- New rows are appended, and their only key is a short number: that is what makes them cheap. There
-- is no index of ages, since each new row would pay for it: the module walks through the table.
CREATE TABLE {table} (
	seq INTEGER PRIMARY KEY,       -- in the order in which they came
	id INTEGER NOT NULL UNIQUE,    -- 63 bits of SHA-256 of client, NUL, sender, NUL, recipient
	client TEXT NOT NULL,          -- network, such as 192.0.2.0/24, or what a rule gave in its place
	sender TEXT NOT NULL,          -- folded; <> is the null sender
	recipient TEXT NOT NULL,       -- folded
	first_seen INTEGER NOT NULL,   -- when it began to wait
	last_seen INTEGER NOT NULL,    -- when it was asked about last
	passed_at INTEGER NOT NULL,    -- when it passed first, or was released; 0: it waits
	asks INTEGER NOT NULL,         -- since first_seen; those answered from memory do not count
	passes INTEGER NOT NULL,       -- how often it has passed; answers from memory do not count
	restarts INTEGER NOT NULL,     -- how often it began to wait anew, because it came too late
	delay INTEGER NOT NULL,        -- parameters of the check that asked last
	retry_window INTEGER NOT NULL, -- waiting ones end at first_seen + retry_window
	life INTEGER NOT NULL          -- passed ones end at last_seen + life
);
-- What of a client has passed. Waiting rows, which are most, are not in it. (With passed_at, so that
-- SQLite counts in the index alone.)
CREATE INDEX {table}_passed ON {table} (client, passed_at) WHERE passed_at > 0;
