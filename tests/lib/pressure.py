# lib/pressure.py - clients that ask all the time, note what they were told, and find what is wrong with it
"""A rule file made of RULES, a Ledger of what was told, a Load that asks.

Each reply is judged at once: it must be the one of its request, and of those that are right at that
moment. What is in the database at the end is compared with what was told (Ledger.compare).
"""

import collections
import random
import re
import threading
import time

from policy import PolicyClient
from tap import note

# A new triplet; one that waits, once more; one that passes, out of memory once it did; a list; a list
# whose answer is held for a moment, and serves as a stale one when the list cannot be read; what is found
# out without the database, and kept in it.
KINDS = ("new", "again", "pass", "read", "held", "kept")
LISTED = "listed@example.net"
RULES = """
server { name = "NAME", loops = 2, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "1h", client_after = 0, timeout = "5s" }
passing = check.greylist { table = "passing", delay = "1s", client_after = 0, timeout = "5s" }
known = check.list { managed = "known", attribute = "sender", timeout = "5s" }
held = check.list { managed = "known", attribute = "sender", keep = "100ms", stale = "1h", timeout = "5s" }
slow = check.list { query = "SELECT SLEEP(20) AS x FROM DUAL WHERE 'slow' = :helo_name", timeout = "5s" }
kept = check.example { limit = 200, keep = "1h", keep_in = "store" }
function rule(req)
	local what = req.helo_name:match("^%a+")
	local a = ({ pass = passing, read = known, held = held, slow = slow, kept = kept })[what]
	local other = a ~= nil and what ~= "pass"
	a = (a or grey)(req)
	local more = other and "- 0" or ("%s %d"):format(a.reason or "-", a.first_seen or 0)
	return info(("%s %s %s %s"):format(req.recipient, a.word, more, a.text))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""

Ask = collections.namedtuple("Ask", "kind recipient begun took word text")


class Triplet:
    """What was told of one that waits."""

    def __init__(self, first_seen):
        self.first_seen = first_seen
        self.asked = self.answered = 1


class Ledger:
    """What all loads of a test were told."""

    def __init__(self):
        self.told = {}
        self.waited = {}  # those that may pass: when they were told first that they have to wait
        self.runs = 0

    def compare(self, rows):
        """rows: (recipient, first_seen, asks), first_seen in milliseconds. What is lost of what was
        told, and which counters do not have what was counted."""
        found = {row[0]: row[1:] for row in rows}
        lost, miscounted = [], []
        for recipient, triplet in self.told.items():
            if recipient not in found or found[recipient][0] // 1000 != triplet.first_seen:
                lost.append((recipient, triplet.first_seen, found.get(recipient)))
            elif not triplet.answered <= found[recipient][1] <= triplet.asked:
                miscounted.append((recipient, triplet.answered, found[recipient][1], triplet.asked))
        return lost, miscounted


class Load:
    """Asks on several connections until end(); .asks holds all answers.

    Each client goes to all of the ports, as Postfix does behind one name. most: triplets a client
    makes at most, so that all ask about the same few.
    """

    def __init__(self, ports, ledger, kinds=KINDS, clients=8, pause=0.002, most=None):
        self.ports, self.ledger, self.kinds, self.pause = list(ports), ledger, kinds, pause
        self.most, self.mine, self.passed, self.held = most, {}, set(), set()
        self.asks, self.silent, self.wrong, self.forgotten = [], [], [], []
        self.ended = False
        ledger.runs += 1
        self.run = ledger.runs
        self.threads = [threading.Thread(target=self._run, args=(index, random.Random(index)))
                        for index in range(clients)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.ended = True
        for thread in self.threads:
            thread.join(60)
        return self

    # -- a client ------------------------------------------------------------------

    def _run(self, index, dice):
        clients = [None] * len(self.ports)
        self.mine[index], number = [], 0
        while not self.ended:
            number += 1
            which = dice.randrange(len(clients))
            ask = self._choose(index, number, dice)
            triplet = self.ledger.told.get(ask.recipient)
            if triplet is not None:
                triplet.asked += 1
            try:
                if clients[which] is None:
                    clients[which] = PolicyClient(f"inet:127.0.0.1:{self.ports[which]}")
                reply = clients[which].ask(recipient=ask.recipient, sender=LISTED, helo_name=(
                    f"kept{self.run}x{index}x{number}" if ask.kind == "kept" else ask.kind))
                self._judge(index, which, ask, triplet, reply)
            except (OSError, EOFError) as error:
                self.silent.append((ask.kind, ask.recipient, repr(error)))
                clients[which] = None
            except AssertionError as error:
                self.wrong.append((ask.kind, ask.recipient, str(error)))
                clients[which] = None
            time.sleep(self.pause)
        for client in clients:
            if client is not None:
                client.close()

    def _choose(self, index, number, dice):
        mine, kind = self.mine[index], self.kinds[number % len(self.kinds)]
        if kind == "again" and not mine:
            kind = "new"
        elif kind == "new" and len(mine) == self.most:
            kind = "again"
        recipient = dice.choice(mine) if kind == "again" else \
            f"pass{index}@example.org" if kind == "pass" else f"{kind}{self.run}.{index}.{number}@example.org"
        return Ask(kind, recipient, time.monotonic(), 0, "", "")

    def _judge(self, index, which, ask, triplet, reply):
        took = time.monotonic() - ask.begun
        match = re.fullmatch(r"INFO (\S+) (\w+) (\S+) (\d+) (.*)", reply)
        if match is None or match[1] != ask.recipient:
            raise AssertionError(f"not its reply: {reply}")
        word, first_seen = match[2], int(match[4])
        self.asks.append(ask._replace(took=took, word=word, text=match[5]))
        getattr(self, f"_judge_{ask.kind}")(index, which, ask, triplet, (word, match[3], first_seen, reply))

    def _only(self, answer, *words):
        if answer[0] not in words:
            raise AssertionError(f"wanted {words}: {answer[3]}")

    def _judge_kept(self, index, which, ask, triplet, answer):
        self._only(answer, "normal")

    def _judge_read(self, index, which, ask, triplet, answer):
        self._only(answer, "found", "unknown")

    def _judge_held(self, index, which, ask, triplet, answer):
        if answer[0] == "found":
            self.held.add(which)
        self._only(answer, "found", *(() if which in self.held else ("unknown",)))

    def _judge_new(self, index, which, ask, triplet, answer):
        self._only(answer, "wait", "unknown")
        if answer[0] == "wait":
            if answer[1] != "new":
                raise AssertionError(f"it was never asked about: {answer[3]}")
            self.ledger.told[ask.recipient] = Triplet(answer[2])
            self.mine[index].append(ask.recipient)

    def _judge_again(self, index, which, ask, triplet, answer):
        self._only(answer, "wait", "unknown")
        if answer[0] == "wait":
            triplet.answered += 1
            if answer[1] != "early" or answer[2] != triplet.first_seen:
                self.forgotten.append((ask.recipient, triplet.first_seen, answer[3]))

    def _judge_pass(self, index, which, ask, triplet, answer):
        waited = self.ledger.waited.setdefault(ask.recipient, time.monotonic())
        if (index, which) in self.passed:
            self._only(answer, "pass")  # as memory says
        if answer[0] == "pass":
            self.passed.add((index, which))
            if time.monotonic() - waited < 0.5:
                raise AssertionError(f"too early: {answer[3]}")

    # -- what came of it -----------------------------------------------------------

    def between(self, begin, end, kinds=KINDS):
        return [ask for ask in self.asks if begin <= ask.begun < end and ask.kind in kinds]

    def unknown_until(self, moment, end=float("inf")):
        """How long after the moment the last unknown came, of asks begun before the end; 0: none did."""
        return max([ask.begun + ask.took - moment for ask in self.asks
                    if ask.word == "unknown" and ask.begun < end] + [0])

    def is_calm(self, seconds, since):
        """Some asks of each kind that were begun in the last seconds, and after since, are all good."""
        now = time.monotonic()
        if now < since + seconds:
            return False
        late = self.between(now - seconds, now)
        return {ask.kind for ask in late} >= set(self.kinds) - {"new", "again"} and \
            all(ask.word != "unknown" for ask in late)


class Table:
    """Lines of figures, printed as they come, and all of them by show(). columns: name, width."""

    def __init__(self, *columns):
        self.columns, self.rows = columns, []

    def add(self, *cells):
        if not self.rows:
            self._print([name for name, _ in self.columns])
        self.rows.append(cells)
        self._print(cells)

    def show(self):
        for cells in [[name for name, _ in self.columns], *self.rows]:
            self._print(cells)

    def sum(self, name):
        index = [column[0] for column in self.columns].index(name)
        return sum(cells[index] for cells in self.rows)

    def _print(self, cells):
        note(" ".join(f"{cell:{'<' if index == 0 else '>'}{self.columns[index][1]}}"
                      for index, cell in enumerate(cells)))


def unknown(asks):
    return [ask for ask in asks if ask.word == "unknown"]


def share(times, part):
    """Of how long something took, what that part of it did not exceed; in milliseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))] * 1000 if times else 0.0


def server_times(server, asks):
    """How long those asks took in the server, as its log says, in seconds: without Python's own."""
    wanted = {ask.recipient for ask in asks if ask.kind not in ("again", "pass")}
    return [float(match[2]) / 1000 for match in re.finditer(r" to=<([^>]*)> .* ms=([0-9.]+)", server.log())
            if match[1] in wanted]
