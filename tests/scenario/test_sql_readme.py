#!/usr/bin/env python3
# scenario/test_sql_readme.py - what sql/README tells administrators of SQLite: indexes, ready queries
import glob
import os
import re
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import sql_readme  # noqa: E402
from policy import ROOT  # noqa: E402
from tap import Skip, equal, run_cases  # noqa: E402

TITLE = "For database administrators: SQLite"
# How EXPLAIN QUERY PLAN says what the README calls so.
PLANS = (("rowid", r"USING INTEGER PRIMARY KEY"), ("id", r"INDEX sqlite_autoindex_(?:greylist|answers)_1"),
         ("key", r"USING PRIMARY KEY"), ("{table}_passed", r"INDEX greylist_passed"),
         ("{table}_until", r"INDEX list_until"), ("answers_stale_until", r"INDEX answers_stale_until"),
         ("ppolicyd_notices_made", r"INDEX ppolicyd_notices_made"))
# In the order of answers_stale_until it is read only as far as there may be rows.
SCAN = r"^SCAN (?:TABLE )?(?:greylist|answers|list|ppolicyd_\w+)(?!.*answers_stale_until)"


class Readme:
    def start(self):
        if sqlite3.sqlite_version_info < (3, 35):
            raise Skip(f"SQLite {sqlite3.sqlite_version} has no RETURNING")
        self.base = sqlite3.connect(":memory:")
        for path in sorted(glob.glob(os.path.join(ROOT, "sql", "sqlite", "*", "0*.sql"))):
            with open(path, encoding="utf-8") as file:
                self.base.executescript(file.read().replace("{table}", os.path.basename(os.path.dirname(path))))

    def stop(self):
        self.base.close()

    def _plan(self, name, sql):
        text = sql.replace("{table}", sql_readme.tables_of(name))
        values = {arg: None for arg in re.findall(r":(\w+)", text)}
        lines = [row[3] for row in self.base.execute("EXPLAIN QUERY PLAN " + text, values)]
        found = set()
        for line in lines:
            found.update(["all rows"] if re.search(SCAN, line) else
                         [word for word, plan in PLANS if re.search(plan, line)])
        return found, lines

    def case_each_statement_finds_rows_as_it_is_said(self):
        told = sql_readme.statements(TITLE)
        for name, sql in sorted(sql_readme.files("sqlite").items()):
            found, lines = self._plan(name, sql)
            equal(told.get(name, set()), found, f"{name}: {lines}")

    def case_no_other_statement_is_told_of(self):
        equal(sorted(set(sql_readme.statements(TITLE)) - set(sql_readme.files("sqlite"))), [])

    def case_each_ready_query_runs(self):
        queries = sql_readme.queries(TITLE)
        assert len(queries) >= 6, queries
        self.base.execute("INSERT INTO greylist VALUES (1, 7, '192.0.2.0/24', 's', 'r', 1000, 2000, 0, 1, 1, 0, 1, 1, 1)")
        self.base.execute("INSERT INTO answers VALUES ('i', 'c', 'f', 'k', 'w', 't', '{}', 1000, 1, 1)")
        self.base.execute("INSERT INTO ppolicyd_duties VALUES ('core', 'mx1/1', 1000)")
        for what, sql in queries:
            equal(len(self.base.execute(sql).fetchall()), 1, f"rows of: {what}")


if __name__ == "__main__":
    sys.exit(run_cases(Readme))
