# bench/delegate.py - passing requests on, beside HAProxy in TCP mode and the first hapolicy: the same echo behind all
import os
import shutil
import socketserver
import statistics
import subprocess
import threading

from haproxy import HAProxy
from policy import PolicyServer, free_port, program
from servers import Echo, pinned
from tap import Skip

RULES = """
server { name = "bench", loops = 1, modules = { "@MODULES@" } }
log { level = "notice" }
up = check.delegate { servers = { { name = "echo", address = "@ECHO@" } }, default = dunno(), pool = 1000 }
function incoming(req) return up(req):action() end
listen("inet:127.0.0.1:@PORT@", incoming)
"""

CONNECTIONS = (1, 20, 200)
ORIGINAL = "HAPOLICY_ORIGINAL"  # names the script of hapolicy 1.00, which is not in the project


class Ours:
    def __init__(self, cpus, echo):
        self.server = PolicyServer(RULES.replace("@ECHO@", echo), pinned(cpus))
        self.server.start()
        self.listeners = {"tcp": f"inet:127.0.0.1:{self.server.port}"}

    def pid(self):
        return self.server.process.pid

    def rest(self):
        pass

    def remove(self):
        self.server.remove()


class Theirs:
    def __init__(self, cpus, echo):
        port = free_port()
        self.proxy = HAProxy(f"listen bench\n    bind 127.0.0.1:{port}\n    maxconn 500\n    server echo {echo}\n")
        self.proxy.program = program_of(self.proxy.program, cpus, self.proxy.folder)
        self.proxy.start()
        self.listeners = {"tcp": f"inet:127.0.0.1:{port}"}

    def pid(self):
        return self.proxy.process.pid

    def rest(self):
        pass

    def remove(self):
        self.proxy.remove()


def program_of(path, cpus, folder):
    """HAProxy with one thread, on these processors."""
    wrapper = os.path.join(folder, "haproxy")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nexec {' '.join(pinned(cpus, path))} \"$@\"\n")
    os.chmod(wrapper, 0o755)
    return wrapper


class Spawned:
    """A process for each connection, as Postfix's spawn(8) runs hapolicy."""

    def __init__(self, cpus, *command):
        class Handler(socketserver.BaseRequestHandler):
            def handle(handler):
                # Where there is no syslog each of them says so.
                subprocess.run(pinned(cpus, *command), stdin=handler.request, stdout=handler.request,
                               stderr=subprocess.DEVNULL, check=False)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.listeners = {"tcp": f"inet:127.0.0.1:{self.server.server_address[1]}"}

    def pid(self):
        return os.getpid()

    def rest(self):
        pass

    def remove(self):
        self.server.shutdown()
        self.server.server_close()


def bench_delegate(bench):
    """The echo has a processor of its own, where there are three."""
    cpus = sorted(os.sched_getaffinity(0))
    echo = Echo(cpus[1:2] if len(cpus) > 2 else cpus)
    address = echo.listeners["tcp"][len("inet:"):]
    bench.load_cpus = cpus[2:4] if len(cpus) > 2 else cpus
    ours, theirs = None, None
    try:
        ours = Ours(cpus[:1], address)
        theirs = Theirs(cpus[:1], address)
        compare(bench, "delegate", ours, "HAProxy", theirs, CONNECTIONS)
        bench_original(bench, cpus, address)
    except Skip as reason:
        bench.output.say(f"delegate: {reason}")
    finally:
        for each in (ours, theirs, echo):
            if each is not None:
                each.remove()


def bench_original(bench, cpus, address):
    script = os.environ.get(ORIGINAL)
    if not script or shutil.which("perl") is None:
        bench.output.say(f"\nthe first hapolicy is not measured: {ORIGINAL} names its script")
        return
    server = f"echo={address}:10:1:5"
    here = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "scripts", "hapolicy")
    os.environ["PPOLICYD"] = program("PPOLICYD", "build/plain/ppolicyd")
    ours, theirs = Spawned(cpus[:1], here, "-s", server), Spawned(cpus[:1], "perl", "-T", script, "-s", server)
    try:
        compare(bench, "hapolicy", ours, "first one", theirs, (1, 8))
    finally:
        ours.remove()
        theirs.remove()


def compare(bench, name, ours, other_name, theirs, connections):
    bench.output.say(f"\n{name:10} conns | requests/s {name:>9} {other_name:>9} ratio | p50 us {name:>9} {other_name:>9} "
                     f"| p99 us {name:>9} {other_name:>9}")
    for count in connections:
        runs = []
        for pair in range(bench.pairs):
            order = [("ours", ours), ("theirs", theirs)]
            got = {which: bench.measure(server, "tcp", count)
                   for which, server in (order if pair % 2 == 0 else reversed(order))}
            runs.append(got)
            bench.output.record(case=name, connections=count, pair=pair, beside=other_name, **got)
        ratio = statistics.median(got["ours"]["rate"] / got["theirs"]["rate"] for got in runs)
        middle = {(which, value): statistics.median(got[which][value] for got in runs)
                  for which in ("ours", "theirs") for value in ("rate", "p50_us", "p99_us")}
        bench.output.say(f"{'':10} {count:5} | {'':10} {middle['ours', 'rate']:9.0f} {middle['theirs', 'rate']:9.0f} {ratio:5.2f} "
                         f"| {'':6} {middle['ours', 'p50_us']:9.0f} {middle['theirs', 'p50_us']:9.0f} "
                         f"| {'':6} {middle['ours', 'p99_us']:9.0f} {middle['theirs', 'p99_us']:9.0f}")
        if name == "delegate" and count == 200:
            bench.output.at_least("delegate, 200 connections: requests per second, of HAProxy's", ratio, 0.7)
