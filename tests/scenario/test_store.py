#!/usr/bin/env python3
# test_store.py - the database of a running server: kept answers outlive it, faults, status, reload, end
# timeout: 120
import json
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from database import REMOTE, database, only_sqlite  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
STORE
long = check.example { limit = 10, keep = "1h", stale = "1h", keep_in = "store" }
short = check.example { limit = 11, keep = "1h" }
function incoming(req)
    if long(req).long then return reject("5.7.1", "too long") end
    return dunno(short(req).word)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""


class Store:
    def start(self):
        self.servers = []

    def stop(self):
        for server in self.servers:
            server.remove()

    def explain(self):
        return "\n".join(server.log()[-3000:] for server in self.servers[-1:])

    # -- what a case needs -----------------------------------------------

    def rules(self):
        """Where nothing is said of the store it is SQLite's usual file."""
        return RULES.replace("STORE", self.store.settings() if REMOTE else "")

    def server(self, store=""):
        for server in self.servers:
            server.remove()
        self.store = database("@FOLDER@/state/ppolicyd.db")
        self.servers = [PolicyServer(RULES.replace("STORE", store) if store else self.rules())]
        return self.servers[0].start()

    def ask(self, server, helo="mail.example.net"):
        """Where the answer of the check was from."""
        before = len(server.lines())
        client = PolicyClient(f"inet:127.0.0.1:{server.port}")
        client.ask(helo_name=helo)
        client.close()
        line = wait_until(lambda: server.lines()[before:], what="a line of the log")[0]
        return line.values["checks"].split("long=")[1].split("/")[1].rstrip("]").split(" ")[0]

    def again(self, server):
        equal(server.stop(), 0)
        server.start()

    def rows(self, server, sql="SELECT check_name, key, word, text, fields FROM answers ORDER BY key",
             name="ppolicyd.db"):
        if REMOTE:
            return self.store.sql(server, sql.replace("key", "`key`"))
        path = os.path.join(server.state, name)
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, server, sql):
        self.store.sql(server, sql)

    def status(self, server):
        return json.loads(server.ctl("--json", "store", "status"))

    def tell(self, server, *words):
        """Exit status and all that is printed."""
        done = subprocess.run([server.control, "-s", os.path.join(server.state, "control.sock"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode()

    def open_files(self, server):
        found, folder = set(), f"/proc/{server.process.pid}/fd"
        for name in os.listdir(folder):
            try:
                found.add(os.path.basename(os.readlink(os.path.join(folder, name))))
            except FileNotFoundError:  # closed since
                pass
        return found

    # -- kept answers ----------------------------------------------------

    def case_a_kept_answer_outlives_a_restart(self):
        server = self.server()
        equal(self.ask(server), "asked")
        equal(self.ask(server), "memory")
        self.again(server)
        equal(self.ask(server), "store")
        equal(self.ask(server), "memory")
        contains(server.ctl("status"), "long   example      2       1      1      0")

    def case_it_is_readable(self):
        server = self.servers[0]
        equal(self.rows(server), [("long", "mail.example.net", "long", "HELO name has 16 characters", '{"length":16}')])

    def case_it_outlives_being_killed_half_a_second_later(self):
        server = self.server()
        equal(self.ask(server), "asked")
        wait_until(lambda: (REMOTE or os.path.exists(os.path.join(server.state, "ppolicyd.db"))) and self.rows(server), 3)
        server.kill()
        server.start()
        equal(self.ask(server), "store")

    def case_changed_parameters_do_not_meet_it(self):
        server = self.servers[0]
        server.write_rules(self.rules().replace("limit = 10", "limit = 12"))
        self.again(server)
        equal(self.ask(server), "asked")
        contains(server.ctl("cache", "get", "where=store"), "of an earlier configuration, not used")

    def case_one_past_its_time_is_deleted(self):
        server = self.servers[0]
        wait_until(lambda: len(self.rows(server)) == 2)
        self.execute(server, "UPDATE answers SET stale_until = 1")
        wait_until(lambda: not self.rows(server), 5, "the table is empty")

    def case_ppolicyd_answers_one_conversation_with_it(self):
        server = self.server()
        equal(self.ask(server), "asked")
        equal(server.stop(), 0)
        for _ in range(2):
            done = subprocess.run([server.program, "-c", server.rule_file, "--state", server.state, "--stdio"],
                                  input=b"request=smtpd_access_policy\nhelo_name=another.example.net\n\n",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
            equal(done.returncode, 0)
        contains(done.stderr.decode(), "checks=[long=long/store")

    # -- commands --------------------------------------------------------

    def case_cache_shows_and_drops_both_places(self):
        server = self.server()
        self.ask(server)
        self.ask(server, "b.example")
        wait_until(lambda: len(self.rows(server)) == 2)
        shown = server.ctl("cache", "list")
        contains(shown, "long   b.example         normal")
        equal(shown.count(" store\n"), 2)
        equal(shown.count(" memory\n"), 3)  # the other check's, too
        equal(server.ctl("cache", "list", "where=store", "word=long").count("\n"), 2)
        contains(server.ctl("cache", "get", "long", "mail.example.net"), "    in the store\n")
        contains(server.ctl("cache", "stats"), "stored    2 in the store")
        equal(json.loads(server.ctl("--json", "cache", "drop", "key=b.*")),
              {"dropped": 3, "memory": 2, "store": 1, "told": True})
        equal(self.ask(server, "b.example"), "asked")
        equal(self.ask(server), "memory")
        equal(server.ctl("cache", "drop", "where=memory", "check=long"), "dropped 2\n")
        equal(self.ask(server), "store")
        contains(server.ctl("cache", "drop", "all"), "in the store\n")
        equal(self.rows(server), [])
        equal(self.tell(server, "cache", "drop", "all"), (1, "dropped 0\n"))

    def case_an_odd_key_is_shown_alike_and_found_as_it_is_shown(self):
        server = self.server()
        self.ask(server, "a <b>")
        wait_until(lambda: self.rows(server))
        shown = [json.loads(line) for line in server.ctl("--json", "cache", "list", "check=long").splitlines()]
        equal([(row["key"], row["where"]) for row in shown],
              [(r"a\x20\x3cb\x3e", "memory"), (r"a\x20\x3cb\x3e", "store")])
        equal(server.ctl("cache", "get", "long", shown[0]["key"]).count("    in the store\n"), 1)

    def case_status_tells_of_the_store(self):
        only_sqlite()
        server = self.server()
        self.ask(server)
        wait_until(lambda: self.rows(server))
        row = self.status(server)
        equal((row["store"], row["driver"], row["state"], row["trouble"]), ("store", "sqlite", "good", None))
        equal(row["path"], os.path.join(server.state, "ppolicyd.db"))
        equal(row["sets"], [{"name": "core", "table": "core", "version": 1},
                            {"name": "gateways", "table": "gateways", "version": 2}])
        wait_until(lambda: self.status(server)["rows_written"] >= 1)
        equal((row["failed"], row["refused"]), (0, 0))
        contains(server.ctl("store", "status"), "    tables of    core version 1, gateways version 2\n")
        contains(server.ctl("status"), "store: sqlite, good since ")
        equal(json.loads(server.ctl("--json", "status").splitlines()[0])["stores"][0]["driver"], "sqlite")

    def case_without_a_use_there_is_no_database(self):
        only_sqlite()
        server = PolicyServer(RULES.replace("STORE", "").replace(', keep_in = "store"', ""))
        self.servers.append(server)
        server.start()
        equal(self.ask(server), "asked")
        equal(server.ctl("store", "status"), "no check uses a store\n")
        assert not os.path.exists(os.path.join(server.state, "ppolicyd.db"))

    # -- faults ----------------------------------------------------------

    def case_a_server_starts_without_its_database_and_finds_it_later(self):
        only_sqlite()
        server = self.server('store { "sqlite", path = "@FOLDER@/data/here.db" }')
        equal(self.ask(server), "asked")
        equal(self.ask(server), "memory")
        contains(server.log(), f"there is no folder {server.folder}/data for the database: make it")
        row = self.status(server)
        assert row["state"] != "good", row
        contains(row["trouble"], "make it")
        contains(server.ctl("status"), "; there is no folder")
        status, text = self.tell(server, "cache", "list")
        equal(status, 1)
        contains(text, "ppolicyctl: the store: ")
        contains(text, "memory")
        equal(server.log().count("there is no folder"), 1)
        os.mkdir(os.path.join(server.folder, "data"))
        wait_until(lambda: self.status(server)["state"] == "good", 15, "the store is good")
        equal(self.ask(server, "later.example.net"), "asked")
        self.again(server)
        equal(self.ask(server, "later.example.net"), "store")

    def case_a_file_that_is_no_database_is_left_alone(self):
        only_sqlite()
        server = PolicyServer(RULES.replace("STORE", ""))
        self.servers.append(server)
        path = os.path.join(server.state, "ppolicyd.db")
        with open(path, "w", encoding="utf-8") as file:
            file.write("not a database\n" * 1000)
        server.start()
        equal(self.ask(server), "asked")
        assert self.status(server)["state"] != "good"
        equal(server.stop(), 0)
        with open(path, encoding="utf-8") as file:
            equal(file.read(), "not a database\n" * 1000)

    # -- reload and end --------------------------------------------------

    def case_a_reload_keeps_the_store_and_a_changed_path_makes_another(self):
        only_sqlite()
        server = self.server()
        self.ask(server)
        server.write_rules(RULES.replace("STORE", "") + "-- changed\n")
        server.reload()
        equal(self.status(server)["asks"], 2)
        equal(self.ask(server), "memory")
        server.write_rules(RULES.replace("STORE", 'store { path = "@FOLDER@/state/other.db" }'))
        server.reload()
        contains(self.status(server)["path"], "other.db")
        equal(self.ask(server), "memory")
        equal(self.ask(server, "another.example.net"), "asked")
        wait_until(lambda: len(self.rows(server)) == 1, 5, "the old one is written")
        wait_until(lambda: len(self.rows(server, name="other.db")) == 1, 5, "the new one is written")
        wait_until(lambda: "ppolicyd.db" not in self.open_files(server), 10, "the old one is closed")
        assert "other.db" in self.open_files(server)

    def case_a_server_that_ends_writes_what_waits(self):
        server = self.server()
        client = PolicyClient(f"inet:127.0.0.1:{server.port}")
        for number in range(300):
            client.ask(helo_name=f"host{number}.example.net")
        client.close()
        equal(server.stop(), 0)
        equal(self.rows(server, "SELECT count(*) FROM answers"), [(300,)])


if __name__ == "__main__":
    sys.exit(run_cases(Store))
