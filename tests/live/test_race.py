#!/usr/bin/env python3
# live/test_race.py - eight writers at one triplet, of which one is first; rows that are refused
# timeout: 240
# alone
# tsan
#
# RACE_SEED repeats the order of asks; RACE_TRIPLETS is how many a race has (10000).
import collections
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from database import REMOTE, database, only_sqlite  # noqa: E402
from policy import PolicyClient, PolicyServer, encode  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402

TRIPLETS = int(os.environ.get("RACE_TRIPLETS") or (1000 if os.environ.get("SANITIZER") == "thread" else 10000))
SEED = int(os.environ.get("RACE_SEED") or random.SystemRandom().randrange(1 << 32))
WRITERS = 8
TOGETHER = 10  # triplets that are on their way at a time, each writer has an order of its own
RULES = """
server { name = "NAME", loops = 4, modules = { "@MODULES@" } }
STORE
grey = check.greylist { client_after = 0 }

function rule(req)
	local known = grey(req)
	return info(("%s %s %s %s"):format(known.word, known.reason or "-", known.first_seen or 0, known.text))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""

Answer = collections.namedtuple("Answer", "word reason first_seen text")


class Race:
    def start(self):
        note(f"seed {SEED}")
        self.random = random.Random(SEED)
        self.servers = []
        for name in ("first", "second"):
            server = PolicyServer(RULES.replace("NAME", name))
            self.servers.append(server)
            if name == "first":
                self.store = database(f"{server.state}/ppolicyd.db")
            with open(server.rule_file, encoding="utf-8") as file:
                rules = file.read()
            server.write_rules(rules.replace("STORE", self.store.settings()))
        # At once: they make the tables in a race as well.
        for server in self.servers:
            server.start()

    def stop(self):
        for status in [server.remove() for server in reversed(self.servers)]:
            equal(status, 0, "exit status of a server")

    def explain(self):
        return f"-- seed {SEED}\n" + "\n".join(
            "-- ppolicyd:\n" + "\n".join([line for line in server.log().splitlines()
                                          if not line.startswith("NOQUEUE")][-30:]) for server in self.servers)

    # -- racing --------------------------------------------------------------------

    def _clients(self, servers):
        """As many for each server; a server gives each of its loops as many."""
        return [PolicyClient(f"inet:127.0.0.1:{servers[index % len(servers)].port}") for index in range(WRITERS)]

    def _together(self, clients, recipients):
        """Each client asks about all recipients, each in another order: the answers about each."""
        orders = [self.random.sample(recipients, len(recipients)) for _ in clients]
        for client, order in zip(clients, orders):
            client.socket.sendall(b"".join(encode(recipient=recipient) for recipient in order))
        answers = {recipient: [] for recipient in recipients}
        for client, order in zip(clients, orders):
            for recipient in order:
                reply = client.reply()
                equal(reply[:5], "INFO ", reply)
                answers[recipient].append(Answer(*reply[5:].split(" ", 3)))
        return answers

    def _exactly_one_is_first(self, recipient, answers):
        reasons = collections.Counter((answer.word, answer.reason) for answer in answers)
        equal(reasons, {("wait", "new"): 1, ("wait", "early"): WRITERS - 1}, f"{recipient}: {answers}")
        # Those of two loops, or servers, may look at the clock in another order than they come.
        times = [int(answer.first_seen) for answer in answers]
        assert max(times) - min(times) <= 1, (recipient, answers)

    def _all_were_counted(self, pattern, count):
        rows = self.store.sql(self.servers[0], "SELECT asks, passes, restarts, count(*) FROM greylist "
                              "WHERE recipient LIKE ? GROUP BY asks, passes, restarts", pattern)
        equal(rows, [(WRITERS, 0, 0, count)], "asks, passes, restarts, and how many rows have them")

    def _race(self, servers, name):
        clients = self._clients(servers)
        for start in range(0, TRIPLETS, TOGETHER):
            recipients = [f"{name}{number}@example.org" for number in range(start, start + TOGETHER)]
            for recipient, answers in self._together(clients, recipients).items():
                self._exactly_one_is_first(recipient, answers)
        for client in clients:
            client.close()
        self._all_were_counted(f"{name}%", TRIPLETS)

    def case_of_eight_in_one_server_exactly_one_is_first_each_time(self):
        self._race(self.servers[:1], "loops")

    def case_of_eight_in_two_servers_exactly_one_is_first_each_time(self):
        self._race(self.servers, "servers")

    # -- poison --------------------------------------------------------------------

    def _refuse(self, how):
        """From now on the table refuses rows of recipients that begin with poison."""
        self.store.script(self.servers[0], "DROP TRIGGER IF EXISTS no_poison;")
        if how and REMOTE:
            self.store.script(self.servers[0],
                              "DELIMITER //\nCREATE TRIGGER no_poison BEFORE INSERT ON greylist FOR EACH ROW "
                              "IF NEW.recipient LIKE 'poison%' THEN "
                              "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'we do not take poison'; END IF//\n")
        elif how:
            self.store.script(self.servers[0],
                              "CREATE TRIGGER no_poison BEFORE INSERT ON greylist "
                              "WHEN NEW.recipient GLOB 'poison*' "
                              f"BEGIN SELECT RAISE({how}, 'we do not take poison'); END;")

    def _poison(self, how, turns=100):
        self._refuse(how)
        clients = self._clients(self.servers)
        try:
            for turn in range(turns):
                good = [f"good.{how}.{turn}.{number}@example.org".lower() for number in range(TOGETHER)]
                bad = [f"poison.{how}.{turn}.{number}@example.org".lower()
                       for number in range(self.random.randint(1, 3))]
                for recipient, answers in self._together(clients, good + bad).items():
                    if recipient in good:
                        self._exactly_one_is_first(recipient, answers)
                        continue
                    for answer in answers:
                        equal((answer.word, answer.reason), ("unknown", "-"), recipient)
                        contains(answer.text, "we do not take poison", recipient)
            self._all_were_counted(f"good.{how}.%".lower(), TOGETHER * turns)
        finally:
            self._refuse(None)
            for client in clients:
                client.close()

    def case_a_row_that_is_refused_harms_no_other(self):
        self._poison("ABORT")

    def case_a_row_that_is_refused_and_leaves_others_half_done_harms_no_other(self):
        only_sqlite()
        self._poison("FAIL")

    def case_a_row_that_undoes_the_transaction_harms_no_other(self):
        only_sqlite()
        self._poison("ROLLBACK")

    def case_what_was_refused_is_taken_when_the_table_takes_it(self):
        clients = self._clients(self.servers)
        for recipient, answers in self._together(clients, ["poison.abort.0.0@example.org"]).items():
            self._exactly_one_is_first(recipient, answers)
        for client in clients:
            client.close()

    def case_nothing_is_wrong_with_the_store(self):
        for server in self.servers:
            contains(server.ctl("store", "status"), "    state        good")
            for line in server.log().splitlines():
                if line.startswith(("error: ", "critical: ", "warning: store")) or "Sanitizer" in line:
                    raise AssertionError(line)


if __name__ == "__main__":
    sys.exit(run_cases(Race))
