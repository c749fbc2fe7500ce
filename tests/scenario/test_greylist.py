#!/usr/bin/env python3
# test_greylist.py - greylist in a running server: commands, restart, clock set back, several at once
# timeout: 120
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from database import database, only_sqlite  # noqa: E402
from policy import ROOT, PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "5m", refresh = "0s" }
quick = check.greylist { delay = "1s", table = "quick", client_after = 0 }
function incoming(req)
    local known = req.helo_name == "quick" and quick(req) or grey(req)
    if known.unknown then return dunno("unknown " .. known.text) end
    return dunno(known.word .. " " .. (known.reason or "") .. ": " .. known.text)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""
DAY = 86400 * 1000


class Greylist:
    def start(self):
        self.store = database("@FOLDER@/grey.db")
        self.rules = RULES.replace("STORE", self.store.settings())
        self.server = PolicyServer(self.rules).start()

    def stop(self):
        self.server.remove()

    # -- what a case needs -----------------------------------------------

    def ask(self, sender="alice@example.net", client="192.0.2.1", recipient="bob@example.org", helo="x"):
        asking = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return asking.ask(sender=sender, client_address=client, recipient=recipient,
                              helo_name=helo)[len("DUNNO "):]
        finally:
            asking.close()

    def sql(self, statement, *values):
        return self.store.sql(self.server, statement, *values)

    def tell(self, *words):
        """Exit status and all that is printed."""
        done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"),
                               *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode()

    def rows(self, command, *words):
        """What a command says of the check grey."""
        status, text = self.tell("--json", "greylist", command, "check=grey", *words)
        equal(status, 0, text)
        return [json.loads(line) for line in text.splitlines()]

    def empty(self):
        self.tell("greylist", "forget", "sender=*")
        equal(self.sql("SELECT COUNT(*) FROM greylist"), [(0,)])

    def fill(self):
        """Of alice from two networks, of bob to two recipients, and a bounce."""
        self.empty()
        self.ask("alice@example.net", "192.0.2.1")
        self.ask("alice@example.net", "198.51.100.1")
        self.ask("bob@example.net", "192.0.2.1")
        self.ask("bob@example.net", "192.0.2.1", "carol@example.org")
        self.ask("", "2001:db8::1")

    def now(self):
        return int(time.time() * 1000)

    # -- cases -----------------------------------------------------------

    def case_the_list_shows_triplets_with_their_times(self):
        self.empty()
        contains(self.ask("Alice+x@example.net"), "wait new: greylisted, retry in 5m")
        row, = self.rows("list")
        equal((row["client"], row["sender"], row["recipient"]),
              ("192.0.2.0/24", "alice@example.net", "bob@example.org"))
        equal((row["state"], row["asks"], row["passes"]), ("waiting", 1, 0))
        status, text = self.tell("greylist", "list", "check=grey")
        equal(status, 0)
        contains(text, "first seen")
        contains(text, "192.0.2.0/24")

    def case_filters_mean_client_sender_and_recipient(self):
        self.fill()
        for words, count in ((("client=192.0.2.0/24",), 3), (("client=192.0.2.99",), 3), (("client=192.0.0.0/16",), 3),
                             (("client=0.0.0.0/0",), 4), (("client=2001:db8::ffff",), 1), (("client=::/0",), 1),
                             (("client=192.0.2.*",), 3), (("sender=Alice+y@Example.NET",), 2),
                             (("sender=*@example.net",), 4), (("sender=<>",), 1), (("recipient=carol@example.org",), 1),
                             (("recipient=*",), 5), (("sender=bob@example.net", "client=192.0.2.1"), 2),
                             (("--sender", "bob@example.net", "--limit=1"), 1)):
            equal(len(self.rows("list", *words)), count, words)
        for words in (("client=203.0.113.1",), ("sender=nobody@example.net",), ("sender=alice@*.net", "sender=x")):
            status, text = self.tell("greylist", "list", "check=grey", *words)
            equal(status in (1, 2), True, text)
        contains(self.tell("greylist", "list", "check=grey", "sender=nobody")[1], "nothing found")
        contains(self.tell("greylist", "list", "check=grey", "limit=2")[1], "more than 2")

    def case_release_lets_a_triplet_pass_at_its_next_ask(self):
        self.fill()
        equal(self.rows("release", "sender=alice@example.net", "client=192.0.2.7"),
              [{"check": "grey", "released": 1, "matched": 1}])
        equal(self.rows("list", "client=192.0.2.7", "sender=alice@example.net")[0]["state"], "ready")
        contains(self.ask("alice@example.net", "192.0.2.200"), "pass passed: came back after")
        contains(self.ask("alice@example.net", "198.51.100.1"), "wait early")
        equal(self.rows("release", "sender=alice@example.net"),
              [{"check": "grey", "released": 1, "matched": 2}])

    def case_forget_deletes_and_drops_what_memory_holds(self):
        self.fill()
        self.rows("release", "sender=alice@example.net")
        contains(self.ask(), "pass passed")
        contains(self.ask(), "pass passed: known since")
        equal(self.rows("forget", "sender=alice@example.net"), [{"check": "grey", "forgotten": 2}])
        contains(self.ask(), "wait new")
        equal(len(self.rows("list")), 4)

    def case_several_checks_of_a_table_forget_together(self):
        self.server.remove()
        self.server = PolicyServer(self.rules.replace("grey(req)", "(req.helo_name == 'second' and second or grey)(req)").replace(
            "function", 'second = check.greylist { delay = "5m" }\nfunction', 1)).start()
        self.ask()
        self.tell("greylist", "release", "sender=alice@example.net")
        contains(self.ask(helo="second"), "pass passed")
        contains(self.ask(helo="second"), "pass passed")
        equal(self.tell("greylist", "list", "quick")[0], 1)
        equal(self.tell("greylist", "list", "second")[0], 0)
        status, text = self.tell("greylist", "forget", "sender=alice@example.net")
        equal(status, 0, text)
        contains(self.ask(helo="second"), "wait new")
        self.server.remove()
        self.server = PolicyServer(self.rules).start()
        self.ask()

    def case_the_null_sender_is_shown_as_it_is_written(self):
        self.empty()
        self.ask("")
        equal([row["sender"] for row in self.rows("list", "sender=<>")], ["<>"])

    def case_what_a_known_client_was_told_is_in_the_table(self):
        self.empty()
        for i in range(5):
            self.ask(f"s{i}@example.net")
        self.tell("greylist", "release", "client=192.0.2.0/24")
        for i in range(5):
            contains(self.ask(f"s{i}@example.net"), "pass passed")
        contains(self.ask("sixth@example.net"), "pass client")
        self.server.kill()
        equal(self.sql("SELECT passed_at > 0, passes FROM greylist WHERE sender = 'sixth@example.net'"), [(1, 1)])
        self.server.start()

    def case_triplets_that_were_released_and_never_asked_about_do_not_make_a_client_known(self):
        self.empty()
        for i in range(5):
            self.ask(f"s{i}@example.net")
        self.tell("greylist", "release", "client=192.0.2.0/24")
        contains(self.ask("sixth@example.net"), "wait new: greylisted, retry in 5m")
        contains(self.ask("sixth@example.net"), "wait early: greylisted, retry in")
        for i in range(4):
            contains(self.ask(f"s{i}@example.net"), "pass passed")
        contains(self.ask("sixth@example.net"), "wait early")
        contains(self.ask("s4@example.net"), "pass passed")
        contains(self.ask("sixth@example.net"), "pass client")

    def case_what_changes_wants_a_filter(self):
        self.fill()
        for command in ("release", "forget"):
            status, text = self.tell("greylist", command)
            equal(status, 1)
            contains(text, "say which")
        equal(len(self.rows("list")), 5)

    def case_stats_count(self):
        self.fill()
        self.rows("release", "sender=alice@example.net", "client=192.0.2.1")
        self.ask("alice@example.net", "192.0.2.1")
        self.sql("UPDATE greylist SET first_seen = first_seen - 400000 WHERE sender = '<>'")
        self.sql("UPDATE greylist SET first_seen = first_seen - ? WHERE recipient LIKE 'carol%'", 2 * DAY + 9999)
        stats, = self.rows("stats")
        equal({name: stats[name] for name in ("rows", "waiting", "ready", "passed", "expired", "mails", "max_rows")},
              {"rows": 5, "waiting": 2, "ready": 1, "passed": 1, "expired": 1, "mails": 1, "max_rows": 1000000})
        stats, = self.rows("stats", "sender=<>")
        equal((stats["rows"], stats["ready"]), (1, 1))

    def case_a_restart_forgets_nothing(self):
        self.empty()
        self.ask()
        self.sql("UPDATE greylist SET first_seen = first_seen - 300000")
        self.server.kill()
        self.server.start()
        contains(self.ask(), "pass passed")
        self.server.kill()
        self.server.start()
        contains(self.ask(), "pass passed: known since")

    def case_a_clock_that_was_set_back_makes_nobody_wait_longer(self):
        self.empty()
        self.ask()
        self.sql("UPDATE greylist SET first_seen = first_seen + ?, last_seen = last_seen + ?", DAY, DAY)
        contains(self.ask(), "wait early: greylisted, retry in 5m")
        (first, last), = self.sql("SELECT first_seen, last_seen FROM greylist")
        equal(first <= self.now() and last <= self.now(), True)
        self.sql("UPDATE greylist SET first_seen = first_seen - 300000")
        contains(self.ask(), "pass passed")
        self.sql("UPDATE greylist SET first_seen = first_seen + ?, last_seen = last_seen + ?", DAY, DAY)
        contains(self.ask(), "pass passed")

    def case_what_has_expired_is_deleted_while_the_server_runs(self):
        self.empty()
        self.ask("gone@example.net")
        self.ask("stays@example.net")
        self.sql("UPDATE greylist SET first_seen = first_seen - ? WHERE sender LIKE 'gone%'", 4 * DAY)
        self.server.kill()
        # Else the lease of the one that was killed had to be over.
        self.sql("DELETE FROM ppolicyd_duties")
        self.server.start()
        self.ask("stays@example.net")
        wait_until(lambda: self.sql("SELECT sender FROM greylist") == [("stays@example.net",)],
                   what="the expired row is gone")

    def case_of_many_that_ask_at_once_one_is_the_first(self):
        self.empty()
        replies, lock = [], threading.Lock()

        def run():
            asking = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
            mine = [asking.ask(sender=f"race{i}x@example.net") for i in range(200)]
            asking.close()
            with lock:
                replies.append(mine)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i in range(200):
            equal(sorted(mine[i].split(":")[0] for mine in replies),
                  ["DUNNO wait early"] * 7 + ["DUNNO wait new"], i)

    def case_without_its_database_it_is_unknown_and_postmaster_passes(self):
        only_sqlite()
        self.server.remove()
        self.server = PolicyServer(self.rules.replace("@FOLDER@/grey.db", "@FOLDER@/missing/grey.db")).start()
        contains(self.ask(), "unknown ")
        contains(self.ask(recipient="PostMaster@example.org"), "pass postmaster")
        equal(self.tell("greylist", "stats", "check=grey")[0], 1)
        os.mkdir(os.path.join(self.server.folder, "missing"))
        wait_until(lambda: self.ask("later@example.net").startswith("wait"), what="the database is there")
        self.server.remove()
        self.server = PolicyServer(self.rules).start()
        self.ask()

    def case_triplets_of_a_client_are_searched_and_not_all_rows_read(self):
        only_sqlite()
        folder = os.path.join(ROOT, "sql", "sqlite", "greylist")
        for name, wanted in (("decide", "SEARCH other USING COVERING INDEX greylist_passed (client=? AND passed_at>?)"),
                             ("others", "SEARCH greylist USING INDEX greylist_passed (client=? AND passed_at>?)"),
                             ("refresh", "SEARCH greylist USING INDEX sqlite_autoindex_greylist_1 (id=?)"),
                             ("slice", "SEARCH greylist USING INTEGER PRIMARY KEY (rowid>?)"),
                             ("purge", "SEARCH greylist USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")):
            with open(os.path.join(folder, name + ".sql"), encoding="utf-8") as file:
                statement = file.read().replace("{table}", "greylist")
            values = {argument: 1 for argument in re.findall(r":(\w+)", statement)}
            with sqlite3.connect(self.store.at(self.server)) as connection:
                plan = connection.execute("EXPLAIN QUERY PLAN " + statement, values).fetchall()
            contains("\n".join(step[3] for step in plan), wanted, name)

    def case_what_of_a_client_was_not_seen_for_long_is_not_walked_through(self):
        folder = os.path.join(ROOT, "sql", "sqlite", "greylist")
        texts = {}
        for name in ("001_greylist", "others"):
            with open(os.path.join(folder, name + ".sql"), encoding="utf-8") as file:
                texts[name] = file.read().replace("{table}", "greylist")
        now, steps = 100 * DAY, []
        database = sqlite3.connect(":memory:")
        database.executescript(texts["001_greylist"])
        for i in range(5000):
            seen = (31 if i < 4980 else 1) * DAY
            database.execute("INSERT INTO greylist VALUES (NULL, ?, 'c', 's', 'r', ?, ?, ?, 1, 1, 0, 1, 1, 1)",
                             (i, *[now - seen + i] * 3))
        database.set_progress_handler(lambda: steps.append(1), 10)
        equal(database.execute(texts["others"], {"client": "c", "now": now}).fetchall(), [(20,)])
        equal(len(steps) < 200, True, len(steps))

    def case_a_second_is_enough_where_the_delay_is_one(self):
        contains(self.ask(helo="quick"), "wait new: greylisted, retry in 1s")
        contains(self.ask(helo="quick"), "wait early: greylisted, retry in 1s")
        time.sleep(1.05)
        contains(self.ask(helo="quick"), "pass passed")


if __name__ == "__main__":
    sys.exit(run_cases(Greylist))
