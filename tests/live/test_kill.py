#!/usr/bin/env python3
# live/test_kill.py - what was answered is in the database after kill -9, a hundred times at any moment
# timeout: 300
# alone
#
# KILL_SEED repeats a run, as far as the moments go; KILL_TIMES is how often (100).
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyClient, PolicyServer, encode  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

TIMES = int(os.environ.get("KILL_TIMES") or 100)
SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1 << 32))
CONNECTIONS = 8
BURST = 8        # asks of a connection before it reads
DELAY = 1        # seconds
ASKED_AGAIN = 200
RULES = """
server { name = "kill", loops = 3, modules = { "@MODULES@" } }
store { "sqlite" }
grey = check.greylist { delay = "1s", client_after = 0 }

function rule(req)
	local known = grey(req)
	return info(("%s %s %s %s"):format(known.word, known.reason or "-", known.first_seen or 0, known.passes or 0))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""


class Noted:
    """What the client knows of a triplet: it has been told so."""

    def __init__(self, first_seen):
        self.first_seen = first_seen
        self.passes = 0
        self.ready = time.monotonic() + DELAY + 0.1


def triplet(number):
    return encode(client_address=f"198.51.{number >> 8 & 255}.7", sender=f"sender{number}@example.net",
                  recipient=f"user{number % 97}@example.org")


class Load:
    """Connections that ask for new triplets and for some that have waited, until the server is gone."""

    def __init__(self, address, noted, seed, next_number=0):
        self.address, self.noted, self.seed = address, noted, seed
        self.next_numbers = [next_number + index for index in range(CONNECTIONS)]
        self.fresh = {}      # noted for the first time, or once more, in this round
        self.complaints = []
        self.unanswered = 0  # asks that the kill met under way
        self.threads = []

    def start(self):
        known = random.Random(self.seed).sample(sorted(self.noted), min(len(self.noted), 4000))
        for index in range(CONNECTIONS):
            thread = threading.Thread(target=self._run, args=(index, known[index::CONNECTIONS]))
            self.threads.append(thread)
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()

    def _run(self, index, known):
        client, waiting = None, []
        try:
            client = PolicyClient(self.address)
            while True:
                now = time.monotonic()
                numbers = [known.pop() for _ in range(BURST // 2)
                           if known and self.noted[known[-1]].ready < now]
                while len(numbers) < BURST:
                    numbers.append(self.next_numbers[index])
                    self.next_numbers[index] += CONNECTIONS
                waiting = list(numbers)
                client.socket.sendall(b"".join(triplet(each) for each in numbers))
                for each in numbers:
                    self.take(each, client.reply())
                    waiting.pop(0)
                time.sleep(0.004)  # the table stays small enough to look at all of it each time
        except (OSError, EOFError):
            self.unanswered += len(waiting)
        finally:
            if client:
                client.close()

    def take(self, number, reply):
        """Notes a reply; complains if it forgets what an earlier one has said."""
        action, word, reason, first_seen, passes = reply.split(" ")
        before = self.noted.get(number)
        wanted = ("wait", "new")
        if before:
            wanted = ("pass", "passed") if before.ready < time.monotonic() else ("wait", "early")
        if before and before.passes:
            wanted = ("pass", "passed")
        # What was asked about as early as it was sure to wait may pass by the time it is answered.
        if before and (word, reason) == ("pass", "passed"):
            wanted = (word, reason)
        if action != "INFO" or (word, reason) != wanted:
            self.complaints.append((number, reply, "wanted", wanted))
            return
        if before and int(first_seen) != before.first_seen:
            self.complaints.append((number, reply, "first seen", before.first_seen))
        if before and int(passes) < before.passes:
            self.complaints.append((number, reply, "passes", before.passes))
        if not before:
            before = Noted(int(first_seen))
        before.passes = max(before.passes, int(passes))
        self.fresh[number] = before


class Kill:
    def start(self):
        note(f"seed {SEED}")
        self.random = random.Random(SEED)
        self.noted = {}
        self.unanswered = self.loaded = self.next_number = 0
        self.server = PolicyServer(RULES)
        self.address = f"inet:127.0.0.1:{self.server.port}"
        self.copy = os.path.join(self.server.folder, "copy")
        self.server.start()

    def stop(self):
        equal(self.server.remove(), 0, "exit status of the server")

    def explain(self):
        lines = [line for line in self.server.log().splitlines() if not line.startswith("NOQUEUE")]
        return f"-- seed {SEED}\n-- ppolicyd:\n" + "\n".join(lines[-40:])

    # -- a round -------------------------------------------------------------------

    def _load_and_kill(self):
        load = Load(self.address, dict(self.noted), self.random.random(), self.next_number)
        load.start()
        # Most are short; in the longer ones the log is moved into the database as well.
        time.sleep(self.random.uniform(0.6, 1.4) if self.random.random() < 0.1 else self.random.uniform(0, 0.15))
        self.server.kill()
        load.join()
        equal(load.complaints[:3], [], "complaints under load")
        self.unanswered += load.unanswered
        self.loaded += load.unanswered > 0
        self.next_number = max(load.next_numbers)
        self.noted.update(load.fresh)
        return load.fresh

    def _kill_a_start(self):
        command = [self.server.program, "-c", self.server.rule_file, "--state", self.server.state]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(self.random.uniform(0, 0.03))
            process.kill()

    def _look(self, path, noted, since=0):
        """The database has all of what was noted after that moment, and is whole."""
        with sqlite3.connect(path, timeout=10) as database:
            equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity check")
            rows = {int(sender[len("sender"):sender.index("@")]): values
                    for sender, *values in database.execute("SELECT sender, first_seen, passes FROM greylist "
                                                               "WHERE last_seen >= ?", (int(since * 1000),))}
        database.close()
        for number, known in noted.items():
            if number not in rows:
                raise AssertionError(f"triplet {number} is lost: first seen {known.first_seen}, "
                                     f"passed {known.passes} times")
            first_seen, passes = rows[number]
            if first_seen // 1000 != known.first_seen or passes < known.passes:
                raise AssertionError(f"triplet {number}: the table has {rows[number]}, "
                                     f"told was {known.first_seen}, {known.passes}")

    def _look_at_a_copy(self, noted, since):
        """As it lies on the disk, before a server has mended anything."""
        shutil.rmtree(self.copy, ignore_errors=True)
        os.mkdir(self.copy)
        for suffix in ("", "-wal"):
            path = os.path.join(self.server.state, "ppolicyd.db" + suffix)
            if os.path.exists(path):
                shutil.copy(path, self.copy)
        self._look(os.path.join(self.copy, "ppolicyd.db"), noted, since)

    def _ask_again(self, numbers):
        load = Load(self.address, self.noted, 0)
        client = PolicyClient(self.address)
        client.socket.sendall(b"".join(triplet(number) for number in numbers))
        for number in numbers:
            load.take(number, client.reply())
        client.close()
        equal(load.complaints[:3], [], "complaints when asked again")

    # -- cases ---------------------------------------------------------------------

    def case_what_was_answered_is_there_after_each_kill_and_the_database_is_whole(self):
        for turn in range(TIMES):
            since = time.time() - 1
            try:
                fresh = self._load_and_kill()
                if turn % 10 == 9:
                    self._kill_a_start()
                self._look_at_a_copy(fresh, since)
                self.server.start()
                self._ask_again(list(fresh)[-ASKED_AGAIN:])
            except AssertionError as error:
                raise AssertionError(f"kill {turn + 1} of {TIMES}, seed {SEED}: {error}") from error

    def case_the_kills_met_asks_under_way(self):
        passed = sum(known.passes > 0 for known in self.noted.values())
        note(f"{TIMES} kills, {self.loaded} under load; {len(self.noted)} triplets noted, {passed} passed, "
             f"{self.unanswered} asks without an answer")
        assert self.loaded > TIMES // 2, self.loaded
        assert len(self.noted) > 20 * TIMES, len(self.noted)
        assert passed > TIMES, passed

    def case_at_the_end_all_of_them_are_there(self):
        self._ask_again(list(self.noted)[:: max(1, len(self.noted) // 1000)])
        equal(self.server.stop(), 0, "exit status")
        self._look(os.path.join(self.server.state, "ppolicyd.db"), self.noted)
        equal(os.path.exists(os.path.join(self.server.state, "ppolicyd.db-wal")), False, "a log is left")
        self.server.start()

    def case_nothing_is_wrong_in_the_log(self):
        for line in self.server.log().splitlines():
            if line.startswith(("error: ", "critical: ", "warning: store")) or "Sanitizer" in line:
                raise AssertionError(line)


if __name__ == "__main__":
    sys.exit(run_cases(Kill))
