# bench/store.py - what the store costs: greylist with a table of a million rows
import contextlib
import json
import os
import shutil
import statistics
import tempfile
import time

from policy import wait_until
from servers import Echo, Ppolicyd, busy_processors
from table import NETWORKS, ROWS, fill, look

# Name, rule, refresh, connections, what load.c asks about, the ratio of requests that is wanted
CASES = (("new", "fresh", "10m", 20, "-n", 0.15), ("new", "fresh", "10m", 200, "-n", 0.3),
         ("held", "passed", "10m", 20, "-d", 0.6), ("touch", "passed", "0s", 20, "-d", 0.25))
NAMES = {"new": "all new", "held": "all held in memory", "touch": "a touch each"}
BESIDE_RATE, BESIDE_CONNECTIONS = 5000, 8  # of what keeps the store busy, or a rule without one
LEAD = 0.2                                 # seconds for which that runs before, and after
STEPS = 2000


class StoreServer(Ppolicyd):
    """One with a copy of the prepared table."""

    def __init__(self, cpus, store_cpus, prepared, rule, refresh="10m", beside="ordinary", steps=0):
        self.path, self.asked, self.next = prepared + ".copy", 0, ROWS
        if os.path.exists(prepared):
            shutil.copyfile(prepared, self.path)
        super().__init__(cpus, rule, steps=steps, STORE=self.path, REFRESH=refresh, BESIDE=beside)
        for thread, name in self.threads():
            if name.startswith("store"):
                os.sched_setaffinity(thread, store_cpus)

    def threads(self):
        folder = f"/proc/{self.pid()}/task"
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/comm", encoding="utf-8") as file:
                yield int(thread), file.read().strip()

    def loop_time(self):
        """For how many microseconds the loop was on a processor."""
        thread = next(thread for thread, name in self.threads() if name.startswith("loop"))
        with open(f"/proc/{self.pid()}/task/{thread}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1000

    def status(self):
        return json.loads(self.server.ctl("store", "status", "--json"))

    def rest(self):
        """Waits for what is written behind, so that nobody else is measured with it."""
        super().rest()
        wait_until(lambda: self.status()["waiting"] == 0, 60, "all is written")

    def remove(self):
        super().remove()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path + suffix)


class StoreBench:
    def __init__(self, bench):
        self.bench, self.output = bench, bench.output
        cpus = sorted(os.sched_getaffinity(0))
        self.store_cpus = [cpu for cpu in cpus if cpu not in bench.server_cpus] or cpus
        self.targets = []

    def server(self, *arguments, **more):
        return StoreServer(self.bench.server_cpus, self.store_cpus, self.prepared, *arguments, **more)

    def prepare(self, folder):
        """The server makes the table, and rows are put into it."""
        self.prepared = os.path.join(folder, "prepared.db")
        made = self.server("fresh")
        try:
            made.server.stop()
            fill(made.path)
            os.rename(made.path, self.prepared)
        finally:
            made.remove()

    # -- beside the echo -----------------------------------------------------

    def ask(self, server, connections, option):
        number = server.next if option == "-n" else NETWORKS
        got = self.bench.measure(server, "unix", connections, option, number)
        server.asked += got["asked"]
        server.next = max(server.next, got["next"])
        return got

    def pair(self, server, echo, connections, option, ours_first):
        got = {}
        for who in ("ppolicyd", "echo") if ours_first else ("echo", "ppolicyd"):
            got[who] = (self.bench.measure(echo, "unix", connections) if who == "echo"
                        else self.ask(server, connections, option))
        return got

    def compare(self, name, rule, refresh, connections, option, wanted):
        server, echo = self.server(rule, refresh), Echo(self.bench.server_cpus)
        try:
            if option == "-d":  # so that memory holds them
                self.bench.measure(server, "unix", 20, "-e", NETWORKS, "-w", 0, "-s", 600)
            before = server.status()
            runs = []
            for pair in range(self.bench.pairs):
                runs.append(self.pair(server, echo, connections, option, pair % 2 == 0))
                self.output.record(store=name, connections=connections, pair=pair, **runs[-1])
            medians = self.bench.summary(runs)
            self.bench.print_row(f"{name:6}{connections:>5}    ", medians)
            grown = self.say_writing(name, connections, before, server.status())
            server.server.stop()
            written = self.check_rows(name, server, grown["refused"])
        finally:
            echo.remove()
            server.remove()
        what = f"{NAMES[name]}, {connections} connections"
        self.targets.append((f"{what}: requests/s, ratio", medians["rate"][2], wanted))
        if name == "touch":
            self.targets.append((f"{what}: written of what was answered", written, 1))

    def say_writing(self, name, connections, before, after):
        grown = {key: after[key] - before[key]
                 for key in ("rows_written", "transactions", "refused", "failed")}
        self.output.record(store=name, connections=connections, **grown)
        if name != "held":
            each = grown["rows_written"] / max(1, grown["transactions"])
            self.output.say(f"{'':15} {each:.1f} rows share a commit; {grown['refused']} refused, "
                            f"{grown['failed']} failed")
        return grown

    def check_rows(self, name, server, refused):
        """Which part of what was answered is written: each new one as a row, each touch as a pass. What
        is not there was refused, because too much was waiting to be written behind, and counted."""
        rows, passes = look(server.path)
        found = rows - ROWS if name == "new" else passes - 2 * NETWORKS
        wanted = server.asked if name != "held" else 0
        if found + refused != wanted:
            raise SystemExit(f"{NAMES[name]}: {wanted} were to be written, {refused} were refused, "
                             f"and {found} are in the table")
        return found / max(1, wanted)

    # -- beside an ordinary rule ------------------------------------------------

    def loop_cost(self, rule, steps=0, option="-k"):
        """What a request takes of the loop alone, when there are many."""
        server = self.server(rule, steps=steps)
        try:
            before = server.loop_time()
            got = self.bench.measure(server, "unix", 200, option, ROWS)
            return (server.loop_time() - before) / got["asked"]
        finally:
            server.remove()

    def steps_like_store(self):
        """Steps of the rule `burning` with which it takes of the loop what `fresh` takes."""
        nothing, some = self.loop_cost("burning"), self.loop_cost("burning", STEPS)
        return max(1, round(STEPS * (self.loop_cost("fresh", option="-n") - nothing) / (some - nothing)))

    def ordinary_beside(self, server, option):
        """The rule `ordinary`, while another client asks the other listener at a fixed rate."""
        seconds = self.bench.seconds + self.bench.warm + 2 * LEAD
        other = self.bench.start_load(server, "beside", BESIDE_CONNECTIONS, option, server.next, "-t", 1,
                                      "-r", BESIDE_RATE, "-w", 0, "-s", seconds)
        time.sleep(LEAD)
        got = self.bench.measure(server, "unix", 20)
        beside = self.bench.end_load(other)
        server.next += beside["asked"]
        if beside["rate"] < 0.9 * BESIDE_RATE:
            raise SystemExit(f"what runs beside has {beside['rate']:.0f} requests/s, not {BESIDE_RATE}")
        return got

    def beside_store(self):
        steps = self.steps_like_store()
        servers = {"store": (self.server("ordinary", beside="fresh"), "-n"),
                   "none": (self.server("ordinary", beside="burning", steps=steps), "-k")}
        runs = {name: [] for name in servers}
        try:
            for pair in range(2 * self.bench.pairs):
                for name in ("store", "none") if pair % 2 == 0 else ("none", "store"):
                    runs[name].append(self.ordinary_beside(*servers[name]))
                    self.output.record(beside=name, steps=steps, pair=pair, **runs[name][-1])
        finally:
            for server, _ in servers.values():
                server.remove()
        for value, what in (("rate", "requests/s"), ("p99_us", "p99")):
            self.compare_beside(value, what, runs)

    def compare_beside(self, value, what, runs):
        with_store, without = ([run[value] for run in runs[name]] for name in ("store", "none"))
        middle = statistics.median(without)
        noise = max(0.05, max(abs(number / middle - 1) for number in without))
        change = statistics.median(a / b for a, b in zip(with_store, without))
        worse = 1 / change - 1 if value == "rate" else change - 1
        self.output.target(f"`ordinary` beside a busy store: {what} worse by, noise", round(worse, 3),
                           f"<= {noise:.2f}", round(noise, 3), worse <= noise)

    def run(self):
        folder = tempfile.mkdtemp(prefix="ppolicyd-bench.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        try:
            self.prepare(folder)
            self.output.say(f"\nwith a store: {ROWS} rows, its threads on processor {self.store_cpus}; "
                            f"other work keeps {busy_processors():.1f} processors busy\n")
            self.bench.head("          conns")
            for case in CASES:
                self.compare(*case)
            self.output.say()
            for target in self.targets:
                self.output.at_least(*target)
            self.beside_store()
        finally:
            shutil.rmtree(folder)
