#!/usr/bin/env python3
# scenario/test_store_copy.py - `ppolicyctl store copy` between files of SQLite's, whatever is in them
import json
import os
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from database import only_sqlite  # noqa: E402
from policy import PolicyServer  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
store { "sqlite", path = "@FOLDER@/ppolicyd.db" }
store { "sqlite", path = "@FOLDER@/next.db", name = "next" }
known = check.list { managed = "known", attribute = "sender" }
kept = check.example { limit = 200, keep = "1h", keep_in = "store" }
function rule(req) return info(known(req).word .. kept(req).word) end
listen("inet:127.0.0.1:@PORT@", rule)
"""
ADD = "INSERT INTO known (value, reason, author, added, until) VALUES (?, ?, ?, ?, ?)"


class StoreCopy:
    def start(self):
        only_sqlite()
        self.server = PolicyServer(RULES).start()
        self.main, self.next = (f"{self.server.folder}/{name}.db" for name in ("ppolicyd", "next"))

    def stop(self):
        equal(self.server.remove(), 0, "exit status")

    def explain(self):
        return self.server.log()[-2000:]

    def copy(self, *ends, status=0, tables="list/known"):
        done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"), "--json",
                               "store", "copy", *ends], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        equal(done.returncode, status, done.stderr.decode())
        rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
        last = [row for row in rows if row["done"] and row["tables"] == tables][-1:]
        return [tuple(row[name] for name in ("read", "new", "newer", "left", "refused")) for row in last], \
            done.stderr.decode()

    def rows(self, path, sql="SELECT value, reason, author, added, until FROM known ORDER BY value"):
        with sqlite3.connect(path, timeout=10) as connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def fill(self, path, rows):
        with sqlite3.connect(path, timeout=10) as connection:
            connection.executemany(ADD, rows)
        connection.close()

    def case_rows_are_the_same_there_whatever_is_in_them(self):
        self.fill(self.main, [(value, reason, "ann", 2 ** 62 + 1, until) for value, reason, until in (
            ("a", None, None), ("A", "", 2 ** 62), ("a ", "søren", 2 ** 53 + 1), ("'\\\"", "\t", 2 ** 63 - 1), ("ä", "x" * 100000, None))])
        equal(self.copy("sqlite:", "sqlite:next")[0], [(5, 5, 0, 0, 0)])
        equal(self.rows(self.next), self.rows(self.main))
        equal(self.copy("sqlite:", "sqlite:next")[0], [(5, 0, 0, 5, 0)])

    def case_all_pages_are_copied(self):
        self.fill(self.main, [(f"v{i:04}", None, None, 1, None) for i in range(1024)])
        equal(self.copy("sqlite:", "sqlite:next")[0], [(1029, 1024, 0, 5, 0)])
        equal(self.rows(self.next), self.rows(self.main))

    def case_keys_of_another_type_do_not_keep_it_busy_for_ever(self):
        other = f"{self.server.folder}/other.db"
        self.copy("sqlite:", f"sqlite:{other}")
        self.fill(other, [(b"b%04d" % i, None, None, 1, None) for i in range(600)])
        _, error = self.copy(f"sqlite:{other}", "sqlite:next", status=1)
        contains(error, "gives rows of known over again")

    def case_of_two_answers_the_one_that_was_made_last_stays(self):
        far = 2 ** 50  # good and stale until then
        self.copy("sqlite:", "sqlite:next")
        for path, made in ((self.main, {"a": 1000, "b": 3000, "c": 5000}), (self.next, {"a": 2000, "b": 2000, "c": 5000})):
            with sqlite3.connect(path, timeout=10) as connection:
                connection.executemany("INSERT INTO answers VALUES (?, 'x', 'y', 'k', ?, '', '{}', ?, ?, ?)",
                                       [(name, os.path.basename(path), at, far, far) for name, at in made.items()])
            connection.close()
        equal(self.copy("sqlite:", "sqlite:next", tables="core")[0], [(3, 0, 1, 2, 0)])
        equal(self.rows(self.next, "SELECT id, word, made FROM answers ORDER BY id"),
              [("a", "next.db", 2000), ("b", "ppolicyd.db", 3000), ("c", "next.db", 5000)])

    def case_a_table_with_other_columns_is_refused(self):
        other = f"{self.server.folder}/columns.db"
        self.copy("sqlite:", f"sqlite:{other}")
        self.rows(other, "ALTER TABLE known RENAME COLUMN reason TO why")
        contains(self.copy(f"sqlite:{other}", "sqlite:next", status=1)[1], "no such column: reason")
        self.fill(self.main, [("later", None, None, 1, None)])
        counts, error = self.copy("sqlite:", f"sqlite:{other}", status=1)
        equal(counts, [(1030, 0, 0, 1029, 1)])
        contains(error, "reason")

    def case_one_file_is_not_two(self):
        os.symlink(self.main, f"{self.server.folder}/link.db")
        contains(self.copy("sqlite:", f"sqlite:{self.server.folder}/link.db", status=2)[1], "is both of them")


if __name__ == "__main__":
    sys.exit(run_cases(StoreCopy))
