# bench/mysql.py - what group commit gives: greylist on a MariaDB, beside a plain client
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

from mariadb import MariaDB
from policy import ROOT, built, wait_until
from servers import Ppolicyd, busy_processors, pinned, read_rules
from table import NETWORKS

# As a server that has some memory. Each commit is synced, which OPTIONS of mariadb.py say.
OPTIONS = ("--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M", "--sync-binlog=1")
SECRET = "a secret that nobody tells"
ROWS = 200000
FIRST_PLAIN, SPAN = 1 << 30, 1 << 24  # numbers of triplets that the plain clients ask about, from here on
# As load.c hashes networks; of each of so many networks a triplet has passed.
FILL = f"""INSERT INTO greylist (id, client, sender, recipient, first_seen, last_seen, passed_at, asks, passes,
                                 restarts, delay, retry_window, life)
           SELECT CAST(CONV(SUBSTR(SHA2(CONCAT('row ', seq), 256), 2, 15), 16, 10) AS SIGNED),
                  LOWER(CONCAT('2001:db8:', HEX(seq * 2654435761 % 4294967296 DIV 65536 | 4096), ':',
                               HEX(seq * 2654435761 % 65536 | 4096), '::/64')),
                  CONCAT('sender', seq, '@example.net'), 'recipient@example.org', moment, moment, moment, 2, 1,
                  0, 300000, 172800000, 3024000000
           FROM seq_1_to_{ROWS}, (SELECT 1000 * UNIX_TIMESTAMP() AS moment) AS now"""
NUMBERS = {"delay": 300000, "retry_window": 172800000, "life": 3024000000}


def disk_folder():
    """On a disk: what is synced to memory tells nothing."""
    folder = tempfile.mkdtemp(prefix="ppolicyd-bench.", dir=os.environ.get("TMPDIR", "/var/tmp"))
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], stdout=subprocess.PIPE, check=True).stdout.decode()
    if kind.strip() in ("tmpfs", "ramfs"):
        shutil.rmtree(folder)
        raise SystemExit(f"{folder} is in memory; TMPDIR names a folder on a disk")
    return folder


def plain_statement():
    """What decide of greylist writes, as a plain client has it: with ? in the places of its arguments, whose
    names come too, and RETURNING what tells how it was decided. It does not ask whether the client is known."""
    with open(os.path.join(ROOT, "sql/mysql/greylist/decide.sql"), encoding="utf-8") as file:
        sql = re.sub(r"^--.*\n", "", file.read(), flags=re.M).replace("{table}", "greylist")
    upsert = sql.split(";\n")[0]
    names = re.findall(r":(\w+)", upsert)
    sql = re.sub(r":\w+", "?", upsert) + " RETURNING client, sender, recipient, first_seen, asks, passes, restarts"
    return sql, [str(NUMBERS.get(name, name)) for name in names]


class MySQLServer(Ppolicyd):
    def __init__(self, cpus, rule, settings, keep_in=""):
        rules = read_rules("rules.lua").replace("@MORE@", read_rules("mysql.lua"))
        for name, value in (("LOOPS", 1), ("STEPS", 0), ("RULE", rule), ("STORE", settings),
                            ("KEEP_IN", keep_in)):
            rules = rules.replace(f"@{name}@", str(value))
        self.begin(rules, cpus)

    def status(self):
        return json.loads(self.server.ctl("store", "status", "--json"))

    def rest(self):
        super().rest()
        wait_until(lambda: self.status()["waiting"] == 0, 60, "all is written")


class MySQLBench:
    def __init__(self, bench):
        self.bench, self.output = bench, bench.output
        cpus = sorted(os.sched_getaffinity(0))
        # The database has one, as in what the targets were measured with; who asks it, and what asks that, two.
        self.far, self.near = cpus[-1:], cpus[:-1][:2] or cpus
        self.plain = built("PLAIN_MYSQL", "tests/bench/plain_mysql")
        self.sql, self.arguments = plain_statement()
        self.next = {"ppolicyd": 1000000, "plain": FIRST_PLAIN}

    # -- one run -------------------------------------------------------------

    def run_plain(self, connections):
        done = subprocess.run(
            pinned(self.near, self.plain, "-c", str(connections), "-s", str(self.bench.seconds), "-w",
                   str(self.bench.warm), "-n", str(self.next["plain"]), self.database.socket, "ppolicyd",
                   "ppolicyd", *self.arguments),
            input=self.sql.encode(), env=dict(os.environ, PASSWORD=SECRET), stdout=subprocess.PIPE, check=True)
        got = json.loads(done.stdout)
        self.next["plain"] = got["next"]
        return got

    def run_ours(self, server, connections, listener="unix"):
        before = server.status()
        got = self.bench.measure(server, listener, connections, "-n", self.next["ppolicyd"], "-t",
                                 min(2, connections), cpus=self.near)
        self.next["ppolicyd"] = got["next"]
        after = server.status()
        for key in ("rows_written", "transactions", "failed", "refused"):
            got[key] = after[key] - before[key]
        if got["failed"] or got["refused"]:
            raise SystemExit(f"not all could be written: {got}")
        return got

    # -- beside the plain client ------------------------------------------------

    def compare(self, server):
        cases = {"ours 1": lambda: self.run_ours(server, 1), "plain": lambda: self.run_plain(1),
                 "ours": lambda: self.run_ours(server, 200), "plain 16": lambda: self.run_plain(16),
                 "ours known": lambda: self.run_ours(server, 200, "beside")}
        runs = {name: [] for name in cases}
        for pair in range(self.bench.pairs):
            for name in list(cases)[::1 if pair % 2 == 0 else -1]:
                runs[name].append(cases[name]())
                self.output.record(mysql=name, pair=pair, **runs[name][-1])
        return runs

    def median(self, name, value):
        return statistics.median(run[value] for run in self.runs[name])

    def ratio(self, value, name, other):
        return statistics.median(a[value] / b[value] for a, b in zip(self.runs[name], self.runs[other]))

    def say_runs(self):
        for name, title in (("ours", "ppolicyd, 200 connections"), ("ours known", "the same, and is its client known"),
                            ("ours 1", "ppolicyd, 1 connection"), ("plain", "plain client, 1 connection"),
                            ("plain 16", "plain client, 16 connections")):
            self.output.say(f"  {title:34} {self.median(name, 'rate'):8.0f} {self.median(name, 'p50_us'):8.0f} "
                            f"{self.median(name, 'p99_us'):8.0f}" + self.say_commits(name))

    def say_commits(self, name):
        if not name.startswith("ours"):
            return f" {1:8.1f}"
        each = statistics.median(run["rows_written"] / max(1, run["transactions"]) for run in self.runs[name])
        return f" {each:8.1f}"

    def check_rows(self, server):
        """What was answered is in the table."""
        wanted = ROWS + sum(run["asked"] for runs in self.runs.values() for run in runs)
        found = self.database.rows("SELECT COUNT(*) FROM greylist")[0][0]
        if found != wanted:
            raise SystemExit(f"{wanted} rows were to be in the table, and {found} are")

    def greylist(self):
        server = MySQLServer(self.near, "upsert", self.database.settings())
        try:
            wait_until(lambda: server.status()["state"] == "good", 30, "the store works")
            self.database.rows(FILL)
            self.runs = self.compare(server)
            self.output.say(f"  {'':34} {'asks/s':>8} {'p50 us':>8} {'p99 us':>8} {'a commit':>8}")
            self.say_runs()
            self.check_rows(server)
        finally:
            server.remove()
        self.output.say()
        self.output.at_least("greylist, 200 connections: asks/s, to one plain connection",
                             self.ratio("rate", "ours", "plain"), 8)
        self.output.at_least("greylist, 200 connections: asks/s, to 16 plain connections",
                             self.ratio("rate", "ours", "plain 16"), 2.5)
        self.output.say(f"  with the look at its client: {self.ratio('rate', 'ours known', 'plain'):.2f} and "
                        f"{self.ratio('rate', 'ours known', 'plain 16'):.2f}")
        more = statistics.median(a["p50_us"] - b["p50_us"] for a, b in zip(self.runs["ours 1"], self.runs["plain"]))
        self.output.at_most("greylist, 1 connection: p50 more than plain, ms", more / 1000, 0.25)

    # -- what memory holds --------------------------------------------------------

    def held(self):
        """A rule that is answered from memory, with this store behind it and without one."""
        servers = {"store": MySQLServer(self.bench.server_cpus, "kept", self.database.settings(),
                                        ', keep_in = "store"'),
                   "none": MySQLServer(self.bench.server_cpus, "kept", 'store { "sqlite", path = "never.db" }')}
        runs = {name: [] for name in servers}
        try:
            for pair in range(2 * self.bench.pairs):
                for name in ("store", "none") if pair % 2 == 0 else ("none", "store"):
                    runs[name].append(self.bench.measure(servers[name], "unix", 20))
                    self.output.record(held=name, pair=pair, **runs[name][-1])
        finally:
            for server in servers.values():
                server.remove()
        for value, what in (("rate", "requests/s"), ("cpu_us", "CPU a request")):
            ratio = statistics.median(a[value] / b[value] for a, b in zip(runs["store"], runs["none"]))
            if value == "rate":
                self.output.at_least(f"held in memory, to none with a store: {what}, ratio", ratio, 0.95)
            else:
                self.output.at_most(f"held in memory, to none with a store: {what}, ratio", ratio, 1.05)

    def pin_database(self):
        for thread in os.listdir(f"/proc/{self.database.process.pid}/task"):
            os.sched_setaffinity(int(thread), self.far)

    def run(self):
        folder = disk_folder()
        self.database = MariaDB(*OPTIONS, name="bench")
        self.database.data = os.path.join(folder, "data")
        try:
            self.database.start()
            self.pin_database()
            self.database.add_user(password=SECRET)
            self.output.say(f"\nMariaDB on processors {self.far}, who asks it on {self.near}; {ROWS} rows; "
                            f"other work keeps {busy_processors():.1f} processors busy\n")
            self.greylist()
            self.held()
        finally:
            self.database.remove()
            shutil.rmtree(folder)
