#!/usr/bin/env python3
# live/test_upstreams.py - three policy servers behind one delegate, each of them harmed in turn, under load
# timeout: 300
# alone
import json
import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402
from upstream import Upstream  # noqa: E402

CLIENTS = 12
TIMEOUT = 2.0  # of a try; an answer that takes longer than half of it is late

BEHIND = """
server { name = "behind", loops = 1, modules = { "@MODULES@" } }
function incoming() return dunno("fine") end
listen("inet:127.0.0.1:@PORT@", incoming)
"""

FRONT = """
server {{ name = "front", loops = 2, modules = {{ "@MODULES@" }} }}
log {{ level = "notice" }}
up = check.delegate {{
    servers = {{ {servers} }},
    inter = "500ms", fastinter = "200ms", retry = "unanswered",
    default = prepend("X-Default: yes"),
}}
function incoming(req) return up(req):action() end
listen("inet:127.0.0.1:@PORT@", incoming)
"""


class Load:
    """Clients that ask all the time; .done holds when each began, how long it took and what came."""

    def __init__(self, port):
        self.port, self.done, self.ended = port, [], False
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        client = PolicyClient(f"inet:127.0.0.1:{self.port}")
        while not self.ended:
            began = time.monotonic()
            reply = client.ask()
            self.done.append((began, time.monotonic() - began, reply))
            time.sleep(0.002)

    def end(self):
        self.ended = True
        for thread in self.threads:
            thread.join(60)

    def between(self, begin, end):
        return [each for each in self.done if begin <= each[0] < end]


def p99(done):
    return sorted(each[1] for each in done)[len(done) * 99 // 100] * 1000


class Upstreams:
    def start(self):
        self.front = None
        self.behind = [PolicyServer(BEHIND), PolicyServer(BEHIND)]
        self.scripted = Upstream("DUNNO fine")
        for each in self.behind:
            each.start()
        addresses = [f"127.0.0.1:{each.port}" for each in self.behind] + [self.scripted.address]
        servers = ", ".join(f'{{ name = "s{i}", address = "{address}", timeout = "{TIMEOUT:.0f}s" }}'
                            for i, address in enumerate(addresses))
        self.front = PolicyServer(FRONT.format(servers=servers))
        self.front.start()

    def stop(self):
        for each in [self.front, *self.behind]:
            if each is not None:
                each.remove()
        self.scripted.stop()

    def explain(self):
        return self.front.log()[-3000:]

    def _state(self, server):
        rows = map(json.loads, self.front.ctl("--json", "upstream", "show").splitlines())
        return next(row["state"] for row in rows if row["server"] == server)

    def _harm(self, what, server, harm, heal):
        """Load before, while and after; the line of the table."""
        load = Load(self.front.port)
        try:
            time.sleep(1)
            begin = time.monotonic()
            harm()
            wait_until(lambda: self._state(server) == "down", 30, f"{server} is down")
            down = time.monotonic()
            time.sleep(2)
            healed = time.monotonic()
            heal()
            wait_until(lambda: self._state(server) == "up", 30, f"{server} is up")
            up = time.monotonic()
            time.sleep(1)
        finally:
            load.end()
        harmed, later = load.between(begin, healed), load.between(down, healed)
        late = [each for each in harmed if each[1] > TIMEOUT / 2]
        other = [each for each in load.done if each[2] != "DUNNO fine"]
        note(f"{what:24} {len(harmed):8} {len(late):6} {max(each[1] for each in harmed):9.2f} s "
             f"{down - begin:7.1f} s {up - healed:5.1f} s {p99(load.between(begin - 1, begin)):8.1f} ms {p99(later):8.1f} ms")
        equal(len(other), 0, "requests that got another answer")
        # What was under way when it began, and as many as take it down.
        equal(len(late) <= CLIENTS + 3, True, f"{len(late)} requests were late")
        equal([each for each in later if each[1] > TIMEOUT / 2], [], "late ones after it was marked down")

    def case_each_of_three_servers_is_harmed_in_turn(self):
        killed, frozen = self.behind
        note(f"{'':24} requests   late   longest  to down  to up  p99 before  p99 down")
        self._harm("killed (SIGKILL)", "s0", killed.kill, killed.start)
        self._harm("frozen (SIGSTOP)", "s1", lambda: frozen.process.send_signal(signal.SIGSTOP),
                   lambda: frozen.process.send_signal(signal.SIGCONT))

        def slow(*_):
            time.sleep(3 * TIMEOUT)
            return "DUNNO fine"

        def heal():
            self.scripted.does = "DUNNO fine"

        for what, does in (("slowed", slow), ("talks garbage", b"HTTP/1.1 200 OK\n\n"),
                           ("replies in part", b"action=DUNNO"), ("ends with CR LF", b"action=DUNNO\r\n\r\n"),
                           ("ends connections", lambda _, connection: connection.shutdown(2))):
            self._harm(what, "s2", lambda does=does: setattr(self.scripted, "does", does), heal)

    def case_each_change_was_one_line(self):
        lines = [line for line in self.front.log().splitlines() if "upstream up: server" in line]
        equal(len(lines), 14, "\n".join(lines))


if __name__ == "__main__":
    sys.exit(run_cases(Upstreams))
