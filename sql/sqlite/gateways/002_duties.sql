-- Which of the servers that use this database does what one of them is to do, such as deleting what is
-- over its time. Who has a duty says so again and again; when it does not, another one takes it.
CREATE TABLE ppolicyd_duties (
	name TEXT NOT NULL PRIMARY KEY, -- of tables, as ppolicyd_schema names them
	gateway TEXT NOT NULL,
	until INTEGER NOT NULL          -- milliseconds since 1970: then others may take it
) WITHOUT ROWID;
