#!/usr/bin/env python3
# live/test_mysql_admin.py - two gateways on one MariaDB: what a command to one does is noticed by both
# timeout: 400
# alone
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import sql_readme  # noqa: E402
from mariadb import MariaDB  # noqa: E402
from policy import ROOT, PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import Skip, contains, equal, note, run_cases  # noqa: E402

TITLE = "For database administrators: MySQL and MariaDB"
NOTICED = 10  # seconds in which the other gateway has to have noticed: it takes 1 or 2
HANDED_ON = 90  # seconds in which a duty has to be another one's when its owner was killed: it takes 30 to 40
RULES = """
server { name = "NAME", loops = 2, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "1s", client_after = 0, refresh = "10m", timeout = "5s" }
known = check.list { managed = "known", attribute = "sender", keep = "1h", timeout = "5s" }
whole = check.list { managed = "networks", attribute = "client_address", search = "cidr", keep = "1h" }
kept = check.example { limit = 30, keep = "1h", stale = "1h", keep_in = "store" }
mine = check.example { limit = 11, keep = "1h" }
function rule(req)
	local asked = ({ kept = kept, mine = mine, known = known, whole = whole })[req.queue_id]
	if asked then
		local a = asked(req)
		return info(a.word .. " " .. a.from)
	end
	local g = grey(req)
	return info(("%s %s %s"):format(g.word, g.reason or "-", g.from))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""


class Admin:
    def start(self):
        self.maria = MariaDB(name="admin").start().add_user()
        self.one, self.two = self._server("mx1"), self._server("mx2")

    def _server(self, name):
        return PolicyServer(RULES.replace("NAME", name).replace("STORE", self.maria.settings())).start()

    def stop(self):
        statuses = [server.remove() for server in (self.one, self.two)]
        self.maria.remove()
        equal(statuses, [0, 0], "exit statuses of the servers")

    def explain(self):
        return "\n".join("-- ppolicyd:\n" + "\n".join(
            line for line in server.log().splitlines() if not line.startswith("NOQUEUE"))[-2500:]
            for server in (self.one, self.two))

    # -- what a case needs -----------------------------------------------

    def ask(self, server, check="", **attributes):
        client = PolicyClient(f"inet:127.0.0.1:{server.port}")
        reply = client.ask(queue_id=check, **attributes)
        client.close()
        equal(reply[:5], "INFO ", reply)
        return reply[5:]

    def ctl(self, server, *words):
        done = subprocess.run([server.control, "-s", os.path.join(server.state, "control.sock"), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def rows(self, server, *words):
        status, out, error = self.ctl(server, "--json", *words)
        equal((status, error), (0, ""), words)
        return [json.loads(line) for line in out.splitlines()]

    def kept(self, server, *filters):
        """How many answers it keeps in memory."""
        return len([json.loads(line) for line in
                    self.ctl(server, "--json", "cache", "list", "where=memory", *filters)[1].splitlines()])

    def notices(self, what, true):
        begun = time.monotonic()
        wait_until(true, NOTICED, what)
        note(f"{what}: after {time.monotonic() - begun:.1f} s")

    # -- kept answers ----------------------------------------------------

    def case_a_drop_is_noticed_by_the_other_gateway(self):
        equal(self.ask(self.one, "kept"), "normal asked")
        wait_until(lambda: self.maria.rows("SELECT COUNT(*) FROM answers") == [(1,)], 10, "it is in the store")
        equal(self.ask(self.two, "kept"), "normal store")
        equal(self.ask(self.two, "kept"), "normal memory")
        equal(self.rows(self.one, "cache", "drop", "check=kept"),
              [{"dropped": 2, "memory": 1, "store": 1, "told": True}])
        self.notices("a drop by check", lambda: self.kept(self.two) == 0)
        equal(self.ask(self.two, "kept"), "normal asked")

    def case_filters_mean_the_same_everywhere(self):
        for server in (self.one, self.two):
            for helo in ("a.example", "b.example", "a-long-name.example"):
                self.ask(server, "mine", helo_name=helo)
        equal(self.rows(self.one, "cache", "drop", "check=mine", "word=long")[0]["memory"], 1)
        self.notices("a drop by word", lambda: self.kept(self.two, "check=mine") == 2)
        equal(self.rows(self.two, "cache", "drop", "key=a.ex*")[0]["memory"], 1)
        self.notices("a drop by key", lambda: self.kept(self.one, "check=mine") == 1)
        equal(self.ctl(self.one, "cache", "drop", "check=mine", "age=1h")[0], 1)
        equal(self.ctl(self.one, "cache", "drop", "check=mine", "left=1m")[0], 1)
        equal(self.rows(self.one, "cache", "stats", "check=mine"),
              [{"check": "mine", "word": "normal", "entries": 1, "stored": 0}])
        equal(self.kept(self.one, "check=mine", "age=1ms"), 1)
        equal(self.rows(self.one, "cache", "drop", "check=mine", "age=1ms")[0]["memory"], 1)
        self.notices("a drop by age", lambda: self.kept(self.two, "check=mine") == 0)

    def case_a_drop_may_be_of_this_gateway_only(self):
        for server in (self.one, self.two):
            self.ask(server, "mine", helo_name="c.example")
        before = self.maria.rows("SELECT COUNT(*) FROM ppolicyd_notices")
        equal(self.rows(self.one, "cache", "drop", "check=mine", "on=this"),
              [{"dropped": 1, "memory": 1, "store": 0, "told": False}])
        equal(self.maria.rows("SELECT COUNT(*) FROM ppolicyd_notices"), before)
        equal(self.kept(self.two, "check=mine"), 1)
        status, _, error = self.ctl(self.one, "cache", "drop", "where=store", "on=this")
        equal(status, 2)
        contains(error, "on=this is the memory of this server")

    def case_what_is_written_late_is_dropped_as_well(self):
        """As an answer that another gateway had not written yet, or was asking for; its clock may be ahead."""
        self.ask(self.one, "kept", helo_name="late.example")
        wait_until(lambda: self.maria.rows("SELECT 1 FROM answers WHERE `key` LIKE '%late%'"), 10, "it is stored")
        self.maria.rows("CREATE TABLE aside AS SELECT * FROM answers WHERE `key` LIKE '%late%'")
        equal(self.rows(self.one, "cache", "drop", "key=*late*")[0]["store"], 1)
        self.maria.rows(f"UPDATE aside SET made = {int(time.time() * 1000) + 1000}")
        self.maria.rows("INSERT INTO answers SELECT * FROM aside; DROP TABLE aside")
        self.notices("a late row", lambda: not self.maria.rows("SELECT 1 FROM answers WHERE `key` LIKE '%late%'"))

    # -- greylist --------------------------------------------------------

    def _passes(self, recipient):
        equal(self.ask(self.one, recipient=recipient)[:8], "wait new")
        time.sleep(1.1)
        equal(self.ask(self.one, recipient=recipient), "pass passed store")
        equal(self.ask(self.two, recipient=recipient), "pass passed store")
        equal(self.ask(self.two, recipient=recipient), "pass passed memory")

    def case_greylist_forget_is_noticed(self):
        self._passes("forget@example.org")
        row = self.rows(self.one, "greylist", "list", "recipient=forget@example.org")[0]
        equal((row["state"], row["passes"]), ("passed", 2))
        equal(self.rows(self.one, "greylist", "forget", "recipient=forget@example.org")[0]["forgotten"], 1)
        self.notices("greylist forget", lambda: self.kept(self.two, "check=grey") == 0)
        equal(self.ask(self.two, recipient="forget@example.org")[:8], "wait new")

    def case_greylist_release_counts_at_once(self):
        """Memory keeps no answers of who waits."""
        equal(self.ask(self.one, recipient="release@example.org")[:8], "wait new")
        equal(self.rows(self.two, "greylist", "release", "recipient=release@example.org"),
              [{"check": "grey", "released": 1, "matched": 1}])
        equal(self.ask(self.one, recipient="release@example.org"), "pass passed store")
        stats = self.rows(self.two, "greylist", "stats")[0]
        equal((stats["rows"], stats["max_rows"]), (2, 1000000))

    # -- lists -----------------------------------------------------------

    def case_list_add_and_remove_are_noticed(self):
        for server in (self.one, self.two):
            equal(self.ask(server, "known"), "absent store")
            equal(self.ask(server, "known"), "absent memory")
        status, out, _ = self.ctl(self.one, "list", "add", "known", "sender@example.net", "--for", "30d",
                                  "--reason", "a partner", "--author", "ann")
        equal(status, 0, out)
        equal(self.ask(self.one, "known"), "found store")
        self.notices("list add", lambda: self.ask(self.two, "known").startswith("found"))
        row = self.rows(self.two, "list", "query", "known", "sender@example.net")[0]
        equal((row["reason"], row["author"]), ("a partner", "ann"))
        days = self.maria.rows("SELECT ROUND((until - added) / 86400000) FROM known")[0][0]
        equal(days, 30)
        equal([row["value"] for row in self.rows(self.two, "list", "show", "known")], ["sender@example.net"])
        equal(self.ctl(self.two, "list", "remove", "known", "sender@example.net")[0], 0)
        equal(self.ask(self.two, "known"), "absent store")
        self.notices("list remove", lambda: self.ask(self.one, "known").startswith("absent"))

    def case_a_list_that_is_held_whole_is_read_again(self):
        equal(self.ask(self.two, "whole"), "absent asked")
        equal(self.ctl(self.one, "list", "add", "whole", "192.0.2.0/24", "reason=test")[0], 0)
        self.notices("list add, held whole", lambda: self.ask(self.two, "whole").startswith("found"))
        time.sleep(3)  # until it was dropped for the second time
        self.ask(self.two, "whole")
        equal(self.ask(self.two, "whole"), "found memory")
        author = self.maria.rows("SELECT author FROM networks")[0][0]
        assert author, "who gave the command is noted"

    # -- duties ----------------------------------------------------------

    def _duties(self):
        return dict(self.maria.rows("SELECT name, gateway FROM ppolicyd_duties"))

    def case_one_gateway_at_a_time_expires(self):
        wait_until(lambda: {"core", "greylist", "list/known"} <= set(self._duties()), 60, "duties")
        duties = self._duties()
        note(duties)
        owners = set(duties.values())
        assert all(owner[:4] in ("mx1/", "mx2/") for owner in owners), owners
        time.sleep(6)
        equal({name: owner for name, owner in self._duties().items() if name in duties}, duties)
        self.maria.rows(
            "INSERT INTO answers SELECT CONCAT('old', seq), 'kept', '0', 'k', 'normal', '', '{}', 1, 2, 3 "
            "FROM seq_1_to_2000; SET GLOBAL general_log = 1; SET GLOBAL log_output = 'TABLE'", "ppolicyd")
        wait_until(lambda: self.maria.rows("SELECT COUNT(*) FROM answers WHERE id LIKE 'old%'") == [(0,)], 20,
                   "what is old is gone")
        time.sleep(2)
        self.maria.rows("SET GLOBAL general_log = 0")
        threads = self.maria.rows(
            "SELECT DISTINCT thread_id FROM mysql.general_log WHERE command_type = 'Execute' AND "
            "argument LIKE 'DELETE FROM answers%'", "mysql")
        batches = self.maria.rows(
            "SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Execute' AND "
            "argument LIKE 'DELETE FROM answers%'", "mysql")[0][0]
        equal(len(threads), 1, "connections that deleted")
        assert batches >= 4, f"{batches} batches of 500 rows"

    def case_another_gateway_goes_on_when_one_is_killed(self):
        owner = self._duties()["core"]
        first, other = (self.one, "mx2/") if owner.startswith("mx1/") else (self.two, "mx1/")
        first.kill()
        self.maria.rows("INSERT INTO answers VALUES ('old', 'kept', '0', 'k', 'normal', '', '{}', 1, 2, 3);"
                        "UPDATE greylist SET last_seen = 1, first_seen = 1, passed_at = 1")
        begun = time.monotonic()
        wait_until(lambda: self._duties()["core"].startswith(other), HANDED_ON, "another one has the duty")
        note(f"another gateway expires after {time.monotonic() - begun:.0f} s")
        wait_until(lambda: self.maria.rows("SELECT COUNT(*) FROM answers WHERE id = 'old'") == [(0,)], 20,
                   "what is old is gone")
        wait_until(lambda: self.maria.rows("SELECT COUNT(*) FROM greylist") == [(0,)], 150,
                   "old triplets are gone")
        first.start()


    # -- what sql/README says ---------------------------------------------

    def _explain(self, name, sql):
        """Which index each table of a statement that looks for rows is found by."""
        text = sql.replace("{table}", sql_readme.tables_of(name)).replace(":last", "17000051")
        text = re.sub(r":(moment|most|now|seq|before|\w+_until|life|number|made)\b", "17", text)
        text = re.sub(r":\w+", "'1000003'", text).replace("{each}", "")
        found = set()
        for statement in text.split(";"):
            if statement.split()[:1] not in (["SELECT"], ["UPDATE"], ["DELETE"]):
                continue
            for row in self.maria.rows("EXPLAIN " + statement.strip(), "explained"):
                table, kind, index = row[2], row[3], row[5]
                if table not in ("greylist", "other", "answers", "list", "ppolicyd_notices", "ppolicyd_duties"):
                    continue
                # In the order of answers_stale_until it is read only as far as there may be rows.
                scan = kind == "ALL" or (kind == "index" and index != "answers_stale_until")
                found.add("all rows" if scan else re.sub("^(greylist|list)_", "{table}_", index or "none"))
        return found

    def case_each_statement_is_told_of_and_finds_rows_as_it_is_said(self):
        self.maria.rows("CREATE DATABASE explained CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", None)
        for path in sorted(glob.glob(os.path.join(ROOT, "sql", "mysql", "*", "0*.sql"))):
            with open(path, encoding="utf-8") as file:
                self.maria.rows(file.read().replace("{table}", os.path.basename(os.path.dirname(path))), "explained")
        self.maria.rows(
            "INSERT INTO greylist SELECT seq * 1000003, IF(seq % 200 = 0, '1000003', seq % 200), 's', 'r', 1, 1, "
            "seq % 3, 1, 1, 0, 1, 1, 1 FROM seq_1_to_20000;"
            "INSERT INTO answers SELECT seq + 1000002, 'c', 'f', seq, 'w', 't', '{}', 1, 1, seq FROM seq_1_to_20000;"
            "INSERT INTO list SELECT seq + 1000002, 'r', 'a', 1, seq FROM seq_1_to_20000;"
            "INSERT INTO ppolicyd_notices (made, gateway) SELECT seq, 'mx1/1' FROM seq_1_to_2000;"
            "INSERT INTO ppolicyd_duties VALUES ('core', 'mx1/1', 1000), ('1000003', 'mx1/1', 1000), ('x', 'mx1', 1);"
            "ANALYZE TABLE greylist, answers, list, ppolicyd_notices, ppolicyd_duties", "explained")
        told = sql_readme.statements(TITLE)
        equal(sorted(told), sorted(sql_readme.files("mysql")), "statements that are told of")
        wrong = []
        for name, sql in sorted(sql_readme.files("mysql").items()):
            found = self._explain(name, sql)
            if not found <= told[name]:
                wrong.append(f"{name}: found {found}, told {told[name]}")
        equal(wrong, [])

    def case_each_ready_query_runs(self):
        queries = sql_readme.queries(TITLE)
        assert len(queries) >= 7, queries
        for what, sql in queries:
            rows = self.maria.rows(sql.replace("'ppolicyd'", "'explained'"), "explained")
            assert rows, f"no rows of: {what}"
        self.maria.rows("DROP DATABASE explained", None)

    # -- status ----------------------------------------------------------

    def _status(self, server):
        return self.rows(server, "store", "status")[0]

    def case_status_tells_of_hosts(self):
        wait_until(lambda: self._status(self.one)["tls"] is not None, 10, "it is known")
        row = self._status(self.one)
        equal((row["state"], row["host"], row["tls"]), ("good", f"unix:{self.maria.socket}", "none"))
        contains(row["server"], "MariaDB")
        equal(row["server"], self.maria.rows("SELECT VERSION()")[0][0])
        equal(row["hosts"], [{"host": f"unix:{self.maria.socket}", "state": "used", "trouble": None}])
        equal(row["lost"], 0)

    def case_status_tells_of_read_only_hosts_and_TLS(self):
        if shutil.which("openssl") is None:
            raise Skip("openssl is not here")
        spare = MariaDB(name="spare")
        os.makedirs(spare.folder, exist_ok=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db",
                        "-keyout", f"{spare.folder}/key", "-out", f"{spare.folder}/cert"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        server = None
        try:
            spare.start(f"--ssl-cert={spare.folder}/cert", f"--ssl-key={spare.folder}/key").add_user()
            hosts = f'{self.maria.hosts()}, {spare.hosts("TCP")}, "127.0.0.1:1"'
            store = (f'store {{ "mysql", hosts = {{ {hosts} }}, password_file = "{self.maria.password_file}", '
                     "tls = { verify = false } }")
            self.maria.rows("SET GLOBAL read_only = 1")
            server = PolicyServer(RULES.replace("NAME", "mx3").replace("STORE", store)).start()
            wait_until(lambda: self._status(server)["tls"] is not None, 10, "it is known")
            row = self._status(server)
            equal([host["state"] for host in row["hosts"]], ["read-only", "used", "spare"])
            equal(row["host"], spare.hosts("TCP")[1:-1])
            version, cipher = row["tls"].split(" ")
            contains(version, "TLSv1.")
            note(f"TLS: {version} {cipher}")
            status, out, _ = self.ctl(server, "store", "status")
            equal(status, 0)
            contains(out, f"    connected    {row['host']}, {row['server']}, TLS: {version} {cipher}\n")
            contains(out, f"    hosts        unix:{self.maria.socket} read-only\n")
            self.maria.rows("SET GLOBAL read_only = 0")
            # Away: what is wrong, then what was, and what was not written.
            spare.kill()
            self.maria.kill()
            wait_until(lambda: self._status(server)["state"] != "good", 20, "it fails")
            for number in range(3):
                self.ask(server, "kept", helo_name=f"lost{number}.example")
            wait_until(lambda: all(host["state"] == "failing" and host["trouble"]
                                   for host in self._status(server)["hosts"]), 20, "all hosts fail")
            wait_until(lambda: self._status(server)["lost"] >= 3, 10, "lost writes are counted")
            contains(self.ctl(server, "store", "status")[1], "    trouble      unix:")
            self.maria.start()
            wait_until(lambda: self._status(server)["state"] == "good", 20, "it works again")
            row = self._status(server)
            equal(row["trouble"], None)
            contains(row["last_trouble"], f"unix:{self.maria.socket}: ")
            contains(self.ctl(server, "store", "status")[1], "    last trouble 20")
        finally:
            if server is not None:
                server.remove()
            spare.remove()


if __name__ == "__main__":
    sys.exit(run_cases(Admin))
