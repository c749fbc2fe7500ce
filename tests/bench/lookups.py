# bench/lookups.py - what look-ups in DNS cost, and what they cost others
import json
import os
import statistics
import subprocess
import time

from dns_servers import Responder
from policy import built, wait_until
from servers import Ppolicyd, busy_processors, pinned, read_rules

LISTS = 10
CONNECTIONS = (1, 5, 20)  # mails at a time; the last one is the target's
MERGED = 50               # connections that ask the same
DELAY = 5                 # ms that answers take while equal look-ups are merged
# An attacker: as many connections as Postfix lets a client have, and a name server that is as slow as it can
# be without being given up.
ATTACKERS, SLOW = 50, 400
TRIES = 2
# Others: listener, connections, mails a second, what they are about. Their DNS is not slow.
OTHERS = (("ordinary", 20, 2000, ()), ("listed", 10, 300, ("-a", 1 << 17)))
LONGER = 2  # times as many pairs as of other measurements; under attack as long, too: p99 of few is that of three
LEAD = 0.5  # seconds for which the attack runs before, and after
# Label, what it is, how many look-ups it may cost.
ATTACKS = (("chain", "SPF that includes SPF without an end", 11),
           ("wide", "ten includes of ten without an end", 21),
           ("mx", "ten mx of ten hosts", 111),
           ("mute", "the same, the hosts are silent", 111),
           ("hosts", "ten mx of forty hosts", 11),
           ("void", "ten names that are not there", 11),
           ("ptr", "fifty names of the client", 12),
           ("alias", "an alias of an alias without an end", 1),
           ("silent", "silence", 1))
P99_MOST, WAIT_MOST = 1.5, 50  # ratio; ms


def calm(values):
    """The first quartile: what else the machine does makes a p99 larger, never smaller, by twice and more."""
    return statistics.quantiles(values, n=4)[0]


class DnsServer(Ppolicyd):
    """now: lists answer at once, however slow the name server is."""

    def __init__(self, cpus, names, rule, tries=1, now=True):
        rules = read_rules("dns.lua")
        for name, value in {"DNS": names.address, "RULE": rule, "TRIES": tries,
                            "NOW": "now." if now else ""}.items():
            rules = rules.replace(f"@{name}@", str(value))
        self.begin(rules, cpus)
        for name, *_ in OTHERS:
            self.listeners[name] = f"unix:{self.server.folder}/{name}.sock"

    def status(self):
        return json.loads(self.server.ctl("--json", "status").splitlines()[0])["dns"]

    def settle(self):
        """Waits for look-ups of which nobody wants to hear any longer."""
        wait_until(lambda: self.status()["open"] == 0, 60, "all look-ups are answered")


class DnsBench:
    def __init__(self, bench):
        self.bench, self.output = bench, bench.output
        cpus = sorted(os.sched_getaffinity(0))
        taken = bench.server_cpus + bench.load_cpus
        self.names_cpus = [cpu for cpu in cpus if cpu not in taken] or bench.load_cpus
        self.targets = []
        self.attack_seconds, self.attack_pairs = LONGER * bench.seconds, LONGER * bench.pairs

    def names(self, delay=0):
        return Responder(delay, pinned(self.names_cpus))

    # -- beside c-ares ----------------------------------------------------------

    def ask_bare(self, names, connections):
        got = json.loads(subprocess.run(
            pinned(self.bench.server_cpus, built("LOOKUPS", "tests/bench/lookups"), "-c", str(connections),
                   "-l", str(LISTS), "-s", str(self.bench.seconds), "-w", str(self.bench.warm), names.address),
            stdout=subprocess.PIPE, check=True).stdout)
        if got["failed"] or not got["look_ups"]:
            raise SystemExit(f"the name server does not answer as it should: {got}")
        return got

    def ask_ours(self, server, names, connections):
        """Ten look-ups each, and each arrives at the name server once."""
        before = names.asked()
        got = self.bench.measure(server, "unix", connections, "-a", 1 << 17)
        arrived = names.asked() - before
        if arrived != LISTS * got["asked"]:
            raise SystemExit(f"{got['asked']} mails made {arrived} questions")
        return {"rate": got["rate"] * LISTS, "cpu_us": got["cpu_us"] and got["cpu_us"] / LISTS}

    def compare(self, server, names, connections):
        runs = []
        for pair in range(LONGER * self.bench.pairs):
            got, order = {}, ("ppolicyd", "bare")
            for who in order if pair % 2 == 0 else reversed(order):
                got[who] = (self.ask_bare(names, connections) if who == "bare"
                            else self.ask_ours(server, names, connections))
            self.output.record(dns="look-ups", connections=connections, pair=pair, **got)
            runs.append(got)
        row = f"{connections:>5}          "
        ratios = {}
        for value, form in (("rate", "{:.0f}"), ("cpu_us", "{:.2f}")):
            if any(got["ppolicyd"][value] is None for got in runs):
                row, ratios[value] = row + f" {'not measured':>23} |", None
                continue
            ours, bare = ([got[who][value] for got in runs] for who in ("ppolicyd", "bare"))
            ratios[value] = statistics.median(a / b for a, b in zip(ours, bare))
            row += (f" {form.format(statistics.median(ours)):>8} {form.format(statistics.median(bare)):>8} "
                    f"{ratios[value]:5.2f} |")
        self.output.say(row)
        return ratios

    def look_ups(self):
        self.output.say(f"{'':15} {'look-ups/s':^23} | {'CPU us/look-up':^23} |")
        self.output.say(f"{'mails at a time':15}" + f" {'ours':>8} {'c-ares':>8} {'ratio':>5} |" * 2)
        names = self.names()
        server = DnsServer(self.bench.server_cpus, names, "listed")
        try:
            ratios = [self.compare(server, names, connections) for connections in CONNECTIONS][-1]
        finally:
            server.remove()
            names.stop()
        self.targets.append((f"{LISTS} lists a mail, {CONNECTIONS[-1]} mails: CPU per look-up, ratio",
                             ratios["cpu_us"], 1.5))

    # -- equal look-ups ---------------------------------------------------------

    def merge(self, what, rule, option, value, each):
        """each: look-ups of a mail, all of different names."""
        names = self.names(DELAY)
        server = DnsServer(self.bench.server_cpus, names, rule, now=False)
        try:
            began = time.monotonic()
            got = self.bench.measure(server, "unix", MERGED, option, value)
            length = time.monotonic() - began
            row, arrived = server.status(), names.asked()
        finally:
            server.remove()
            names.stop()
        self.output.record(dns="merged", what=what, mails=got["asked"], look_ups=row["look_ups"],
                           merged=row["merged"], questions=arrived)
        self.output.say(f"{what}: {got['asked']} mails want {got['asked'] * each} look-ups; {row['look_ups']} were "
                        f"asked for, {row['merged']} of them joined another, {arrived} questions arrived")
        if row["look_ups"] - row["merged"] != arrived:
            raise SystemExit("the counts do not agree")
        self.targets.append((f"{what}: questions of a name under way at a time",
                             arrived / each * DELAY / 1000 / length, 1))

    def merges(self):
        self.output.say(f"\n{MERGED} connections ask the same, and each answer takes {DELAY} ms")
        self.merge("one client, ten lists", "listed", "-a", 1, LISTS)
        self.merge("senders of one domain, SPF with eight includes", "sent", "-z", "1.parts.example.net", 9)

    # -- an attack ----------------------------------------------------------------

    def ask_others(self, server):
        """What others have of it, by what they ask."""
        loads = [(name, self.bench.start_load(server, name, count, "-r", rate, "-t", 1, "-s", self.attack_seconds, *more))
                 for name, count, rate, more in OTHERS]
        return {name: self.bench.end_load(load, wrong_too=True) for name, load in loads}

    def ask_attacked(self, server, label):
        """The same while an attack is under way, and how many mails that is."""
        seconds = self.attack_seconds + self.bench.warm + 2 * LEAD
        attack = self.bench.start_load(server, "unix", ATTACKERS, "-z", f"{1 << 30}.{label}.example.net", "-t", 1,
                                       "-w", 0, "-s", seconds)
        time.sleep(LEAD)
        got = self.ask_others(server)
        return got, self.bench.end_load(attack)["asked"]

    def attack(self, label, what, most):
        names = self.names(SLOW)
        server = DnsServer(self.bench.server_cpus, names, "attacked", tries=TRIES)
        runs, mails = [], 0
        try:
            for pair in range(self.attack_pairs):
                quiet = self.ask_others(server)
                before, asked = server.status(), names.asked()
                attacked, count = self.ask_attacked(server, label)
                server.settle()
                mails += count
                runs.append((quiet, attacked))
                self.output.record(attack=label, pair=pair, mails=count, quiet=quiet, attacked=attacked)
                self.count(before, server.status(), names.asked() - asked, attacked, pair == 0)
        finally:
            server.remove()
            names.stop()
        self.say_attack(what, runs, mails)
        self.judge(what, runs, self.looked_up / mails / most)

    def count(self, before, after, arrived, attacked, first):
        """Look-ups and questions of the attack alone."""
        if first:
            self.looked_up = self.arrived = 0
        others = LISTS * attacked["listed"]["asked"]
        self.looked_up += after["look_ups"] - before["look_ups"] - (after["not_asked"] - before["not_asked"]) - others
        self.arrived += arrived - others

    def say_attack(self, what, runs, mails):
        row = f"{what:38} {mails:>6} {self.looked_up / mails:>8.1f} {self.arrived / mails:>9.1f} |"
        for name, *_ in OTHERS:
            for state in (0, 1):
                p99 = calm(run[state][name]["p99_us"] for run in runs)
                most = max(run[state][name]["max_us"] for run in runs) / 1000
                row += f" {p99:>7.0f} {most:>6.1f}"
            row += " |"
        self.output.say(row + f" {sum(attacked['listed']['wrong'] for _, attacked in runs):>7}")

    def judge(self, what, runs, part):
        for name, *_ in OTHERS:
            ratio = (calm(attacked[name]["p99_us"] for _, attacked in runs) /
                     calm(quiet[name]["p99_us"] for quiet, _ in runs))
            self.targets.append((f"{what}: p99 of others ({name}), ratio", ratio, P99_MOST))
        wait = max(attacked[name]["max_us"] for _, attacked in runs for name in attacked) / 1000
        self.targets.append((f"{what}: longest wait of others, ms", wait, WAIT_MOST))
        unknown = sum(attacked["listed"]["wrong"] for _, attacked in runs)
        self.targets.append((f"{what}: others of whom lists are unknown", unknown, 0))
        self.targets.append((f"{what}: look-ups, part of those allowed", part, 1))

    def attacks(self):
        others = " and ".join(f"{count} connections of others ask {rate} times a second ({name})"
                              for name, count, rate, _ in OTHERS)
        self.output.say(f"\n{ATTACKERS} connections bring mail whose DNS takes {SLOW} ms for each answer; {others}")
        groups = "".join(f" {name + ': quiet':^14} {'attacked':^14} |" for name, *_ in OTHERS)
        self.output.say(f"{'':38} {'':>6} {'a mail each':^18} |{groups} lists")
        columns = f" {'p99 us':>7} {'most ms':>6}" * 2 + " |"
        self.output.say(f"{'':38} {'mails':>6} {'look-ups':>8} {'questions':>9} |{columns * len(OTHERS)} unknown")
        for attack in ATTACKS:
            self.attack(*attack)

    def run(self):
        self.output.say(f"\nDNS: name server on processor {self.names_cpus}; other work keeps {busy_processors():.1f} "
                        "processors busy\n")
        self.look_ups()
        self.merges()
        self.attacks()
        self.output.say()
        for target in self.targets:
            self.output.at_most(*target)
