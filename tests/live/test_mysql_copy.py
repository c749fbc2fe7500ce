#!/usr/bin/env python3
# live/test_mysql_copy.py - `ppolicyctl store copy`: from SQLite into MariaDB and back, under load, again
# timeout: 300
# alone
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from mariadb import MariaDB, end_session  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402

MANY = int(os.environ.get("COPY_ROWS") or 20000)
SQLITE = 'store { "sqlite", path = "@FOLDER@/ppolicyd.db" }'
RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
STORES
grey = check.greylist { delay = "1s", client_after = 0, refresh = "0s", timeout = "5s" }
known = check.list { managed = "known", attribute = "sender", timeout = "5s" }
kept = check.example { limit = 10, keep = "1h", stale = "1h", keep_in = "store" }
function rule(req)
	if req.helo_name == "known" then return info("known " .. known(req).word) end
	if req.helo_name:find("^kept") then local k = kept(req) return info(k.word .. " " .. k.from) end
	local g = grey(req)
	return info(("%s %s %s"):format(g.word, g.reason or "-", g.text))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""
COLUMNS = ("id, client, sender, recipient, first_seen, last_seen, passed_at, asks, passes, restarts, delay, "
           "retry_window, life")


class Copy:
    def start(self):
        self.maria = MariaDB(name="copy").start().add_user()
        self.server = PolicyServer(RULES.replace("STORES", self.stores("sqlite")))
        self.server.start()

    def stop(self):
        status = self.server.remove()
        self.maria.remove()
        equal(status, 0, "exit status of the server")

    def explain(self):
        return "\n".join(line for line in self.server.log().splitlines() if not line.startswith("NOQUEUE"))[-4000:]

    def stores(self, main):
        """Both, of which one is the store and the other one has a name."""
        other = ', name = "next" }'
        if main == "sqlite":
            return SQLITE + "\n" + self.maria.settings(more=', name = "next"')
        return self.maria.settings() + "\n" + SQLITE[:-2] + other

    def use(self, main):
        self.server.write_rules(RULES.replace("STORES", self.stores(main)))
        self.server.reload()

    def ask(self, **attributes):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        reply = client.ask(**{"helo_name": "mail", **attributes})
        client.close()
        equal(reply[:5], "INFO ", reply)
        return reply[5:]

    def ctl(self, *words):
        done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def copy(self, *ends):
        """The last row of each table."""
        status, out, error = self.ctl("--json", "store", "copy", *ends)
        equal((status, error), (0, ""), out)
        rows = [json.loads(line) for line in out.splitlines()]
        return {row["tables"]: row for row in rows if row["done"]}

    def lite(self, sql, *values, path=None):
        with sqlite3.connect(path or f"{self.server.folder}/ppolicyd.db", timeout=10) as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def fill(self, count):
        """Triplets of which the text is odd, too."""
        now = int(time.time() * 1000)
        rows = [(1000 + i, "192.0.2.0/24", f"søren{i}'\\\"@example.net", f"u{i}@example.org", now, now, now, 1, 1, 0,
                 1000, 172800000, 3024000000) for i in range(count)]
        with sqlite3.connect(f"{self.server.folder}/ppolicyd.db", timeout=10) as connection:
            connection.executemany(f"INSERT INTO greylist ({COLUMNS}) VALUES ({', '.join('?' * 13)})", rows)
        connection.close()

    def counts(self, row):
        return tuple(row[name] for name in ("read", "new", "newer", "left", "refused"))

    # -- cases -----------------------------------------------------------

    def case_all_that_is_remembered_is_copied(self):
        self.ask(recipient="first@example.org")
        self.ctl("list", "add", "known", "sender@example.net", "reason=a partner", "author=ann", "for=30d")
        equal(self.ask(helo_name="kept"), "normal asked")
        self.fill(MANY)
        begun = time.monotonic()
        done = self.copy("sqlite:", "mysql:")
        took = time.monotonic() - begun
        note(f"{MANY} triplets copied in {took:.1f} s, {MANY / took:.0f} a second")
        equal(self.counts(done["greylist"]), (MANY + 1, MANY + 1, 0, 0, 0))
        equal(self.counts(done["list/known"]), (1, 1, 0, 0, 0))
        equal(self.counts(done["core"]), (1, 1, 0, 0, 0))
        equal(done["greylist"]["of"], MANY + 1)
        equal(self.maria.rows(f"SELECT {COLUMNS} FROM greylist ORDER BY id"),
              self.lite(f"SELECT {COLUMNS} FROM greylist ORDER BY id"))
        equal(self.maria.rows("SELECT value, reason, author, added, until FROM known"),
              self.lite("SELECT value, reason, author, added, until FROM known"))
        columns = "id, check_name, fingerprint, `key`, word, text, fields, made, good_until, stale_until"
        equal(self.maria.rows(f"SELECT {columns} FROM answers"), self.lite(f"SELECT {columns} FROM answers"))

    def case_it_can_be_done_again_and_the_newer_row_wins(self):
        equal(self.counts(self.copy("sqlite:", "mysql:")["greylist"]), (MANY + 1, 0, 0, MANY + 1, 0))
        self.maria.rows("UPDATE greylist SET last_seen = last_seen + 5, passes = 77 WHERE id = 1001;"
                        "UPDATE known SET added = added - 1, reason = 'an older one'")
        self.lite("UPDATE greylist SET last_seen = last_seen + 9, passes = 88 WHERE id = 1002")
        self.lite("DELETE FROM greylist WHERE id = 1003")
        done = self.copy("sqlite:", "mysql:")
        equal(self.counts(done["greylist"]), (MANY, 0, 1, MANY - 1, 0))
        equal(self.counts(done["list/known"]), (1, 0, 1, 0, 0))
        equal(self.maria.rows("SELECT passes FROM greylist WHERE id IN (1001, 1002, 1003) ORDER BY id"),
              [(77,), (88,), (1,)])
        equal(self.maria.rows("SELECT reason FROM known"), [("a partner",)])

    def case_it_says_how_far_it_is(self):
        status, out, error = self.ctl("store", "copy", "sqlite:", "mysql:next")
        equal((status, error), (0, ""), out)
        contains(out, f"greylist: 256 rows of {MANY} ({25600 // MANY} %) ...\n")
        contains(out, f"greylist: {MANY} rows read: 0 new, 0 newer than there, {MANY} left alone, 0 refused\n")
        contains(out, "copied sqlite:")

    def case_a_gateway_moves_under_load(self):
        """It greylists while it is copied, is told to use the new store, and knows all."""
        stop, asked, wrong = threading.Event(), [], []

        def load():
            client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
            while not stop.is_set():
                recipient = f"load{threading.get_ident()}.{len(asked)}@example.org"
                reply = client.ask(helo_name="mail", recipient=recipient)
                asked.append(recipient)
                if not reply.startswith("INFO wait new"):
                    wrong.append((recipient, reply))
            client.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(asked) > 50, 20, "load")
            first = self.copy("sqlite:", "mysql:")["greylist"]
            self.use("mysql")
            moved = len(asked)
            wait_until(lambda: len(asked) > moved + 50, 20, "load behind the move")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        # What came in between is in the old one, so it is copied once more.
        second = self.copy("sqlite:", "mysql:")["greylist"]
        note(f"under load: {self.counts(first)}, then {self.counts(second)}; asks: {len(asked)}")
        equal(wrong, [])
        rows = {row[0] for row in self.maria.rows("SELECT recipient FROM greylist")}
        equal([recipient for recipient in asked if recipient not in rows], [])
        equal(len(self.maria.rows("SELECT id FROM greylist GROUP BY id HAVING COUNT(*) > 1")), 0)
        time.sleep(1.1)
        equal(self.ask(recipient="first@example.org")[:11], "pass passed")
        equal(self.ask(helo_name="known"), "known found")
        equal(self.ask(recipient=asked[0])[:11], "pass passed")

    def _begin(self, *ends):
        """A copy that waits for a lock."""
        lock = self.maria.session("LOCK TABLES greylist WRITE")
        copying = subprocess.Popen(
            [self.server.control, "-s", os.path.join(self.server.state, "control.sock"), "store", "copy", *ends],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_until(lambda: self.maria.rows("SELECT 1 FROM information_schema.processlist WHERE state LIKE "
                                           "'Waiting for table metadata lock'"), 20, "the copy waits")
        return lock, copying

    def case_who_goes_away_stops_it(self):
        lock, copying = self._begin("sqlite:", "mysql:")
        copying.kill()
        copying.wait(10)
        copying.stdout.close()
        end_session(lock)
        wait_until(lambda: "ppolicyd was stopped" in self.server.log(), 20, "the copy stops")

    def case_a_database_that_is_killed_in_between_is_waited_for(self):
        lock, copying = self._begin("sqlite:", "mysql:")
        self.maria.kill()
        self.maria.start()
        end_session(lock)
        out = copying.communicate(timeout=60)[0].decode()
        equal(copying.returncode, 0, out)
        contains(out, "0 refused")

    def case_the_way_back(self):
        before = self.maria.rows("SELECT COUNT(*) FROM greylist")[0][0]
        path = f"{self.server.folder}/back.db"
        done = self.copy("mysql:", f"sqlite:{path}")
        equal(self.counts(done["greylist"]), (before, before, 0, 0, 0))
        equal(self.lite(f"SELECT {COLUMNS} FROM greylist ORDER BY id", path=path),
              self.maria.rows(f"SELECT {COLUMNS} FROM greylist ORDER BY id"))
        equal(os.stat(path).st_mode & 0o777, 0o600)
        equal(self.counts(self.copy("mysql:", f"sqlite:{path}")["greylist"]), (before, 0, 0, before, 0))

    def case_what_the_other_database_cannot_hold_is_told(self):
        path = f"{self.server.folder}/back.db"
        self.lite("INSERT INTO known (value, reason, author, added) VALUES (?, 'long', 'ann', 1)", "x" * 600,
                  path=path)
        status, out, error = self.ctl("store", "copy", f"sqlite:{path}", "mysql:")
        equal(status, 1)
        contains(out, "list/known: 2 rows read: 0 new, 0 newer than there, 1 left alone, 1 refused")
        contains(error, "list/known: the first that was refused: ")

    def case_what_is_wrong_is_said(self):
        folder = self.server.folder
        for ends, status, words in (
                (("sqlite:",), 2, "wanted two databases"),
                (("oracle:", "mysql:"), 2, "found 'oracle:', wanted sqlite: or mysql:"),
                (("mysql:other", "sqlite:"), 2, "no store 'mysql:other'"),
                (("mysql:", "mysql:"), 2, "is both of them"),
                ((f"sqlite:{folder}/missing.db", "mysql:"), 1, "missing.db"),
                (("mysql:", "sqlite:/no/such/folder/x.db"), 1, "/no/such/folder")):
            got, _, error = self.ctl("store", "copy", *ends)
            equal(got, status, (ends, error))
            contains(error, words, ends)
        self.lite("CREATE TABLE x (y)", path=f"{folder}/other.db")
        got, _, error = self.ctl("store", "copy", f"sqlite:{folder}/other.db", "mysql:")
        equal(got, 1)
        contains(error, "has no tables of ppolicyd")

    def case_tables_of_a_newer_program_are_left_alone(self):
        self.maria.rows("UPDATE ppolicyd_schema SET version = 99 WHERE name = 'greylist'")
        status, _, error = self.ctl("store", "copy", "sqlite:", "mysql:")
        equal(status, 1)
        contains(error, "the tables of greylist have version 99, and this ppolicyd knows versions up to 1 only")
        self.maria.rows("UPDATE ppolicyd_schema SET version = 1 WHERE name = 'greylist'")
        self.lite("UPDATE ppolicyd_schema SET version = 99 WHERE name = 'greylist'",
                  path=f"{self.server.folder}/back.db")
        status, _, error = self.ctl("store", "copy", f"sqlite:{self.server.folder}/back.db", "mysql:")
        equal(status, 1)
        contains(error, "has tables of greylist of version 99")


if __name__ == "__main__":
    sys.exit(run_cases(Copy))
