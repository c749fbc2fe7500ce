# bench/servers.py - what is measured, where it runs, and how results are said
import json
import os
import shutil
import subprocess
import time

from policy import PolicyServer, built, free_port, public_folder

HERE = os.path.dirname(os.path.abspath(__file__))


class Output:
    def __init__(self, as_json):
        self.as_json = as_json

    def say(self, text=""):
        if not self.as_json:
            print(text, flush=True)

    def record(self, **values):
        if self.as_json:
            print(json.dumps(values), flush=True)

    def target(self, what, value, wanted, limit, reached):
        """reached None: not measured, wanted says why."""
        self.record(target=what, value=value, limit=limit, reached=reached)
        if reached is None:
            self.say(f"  {what:58} {'':>8}  {wanted}")
            return
        word = "reached" if reached else f"MISSED by {abs(value / limit - 1) * 100:.0f} %"
        self.say(f"  {what:58} {value:8.2f}  {wanted:10} {word}")

    def at_most(self, what, value, limit):
        if value is None:
            self.target(what, None, "not measured", limit, None)
        else:
            self.target(what, value, f"<= {limit:g}", limit, value <= limit)

    def at_least(self, what, value, limit):
        self.target(what, value, f">= {limit:g}", limit, value >= limit)


def pinned(cpus, *command):
    if shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "-c", ",".join(map(str, cpus)), *command]


def share_cpus(servers):
    """Processors for the server and for the generator; the same where there is one only."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) <= servers:
        return cpus, cpus
    return cpus[:servers], cpus[servers:servers + 2]


def busy_processors(seconds=0.5):
    """How many processors other work keeps busy now."""

    def read():
        with open("/proc/stat", encoding="ascii") as file:
            numbers = [int(number) for number in file.readline().split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]

    all_before, idle_before = read()
    time.sleep(seconds)
    all_after, idle_after = read()
    share = 1 - (idle_after - idle_before) / max(1, all_after - all_before)
    return share * os.cpu_count()


class Echo:
    def __init__(self, cpus):
        self.folder = public_folder("ppolicyd-echo.")
        self.listeners = {"unix": f"unix:{self.folder}/echo.sock", "tcp": f"inet:127.0.0.1:{free_port()}"}
        command = pinned(cpus, built("ECHO", "tests/bench/echo"), *self.listeners.values())
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise SystemExit("the echo server did not start")

    def pid(self):
        return self.process.pid

    def rest(self):
        pass

    def remove(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def read_rules(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


class Ppolicyd:
    """more: values of other names between @ in rules.lua and store.lua."""

    def __init__(self, cpus, rule="ordinary", loops=1, steps=0, **more):
        rules = read_rules("rules.lua").replace("@MORE@", read_rules("store.lua") if more else "")
        for name, value in dict(more, LOOPS=loops, STEPS=steps, RULE=rule).items():
            rules = rules.replace(f"@{name}@", str(value))
        self.begin(rules, cpus)

    def begin(self, rules, cpus):
        self.server = PolicyServer(rules, pinned(cpus))
        self.listeners = {"unix": f"unix:{self.server.folder}/bench.sock",
                          "beside": f"unix:{self.server.folder}/beside.sock",
                          "tcp": f"inet:127.0.0.1:{self.server.port}"}
        self.server.start()

    def pid(self):
        return self.server.process.pid

    def rest(self):
        """Keeps the log from filling the disk."""
        os.truncate(self.server.log_file, 0)

    def resident(self):
        with open(f"/proc/{self.pid()}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def remove(self):
        self.server.remove()
