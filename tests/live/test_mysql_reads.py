#!/usr/bin/env python3
# live/test_mysql_reads.py - kept answers in a real MariaDB: how many statements misses cost, and a freeze
# timeout: 200
# alone
import os
import re
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from mariadb import MariaDB  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

MISSES = 400
# What somebody else's program may need of the server.
ODD = "NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION,ANSI_QUOTES"
RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "1s", timeout = "3s" }
kept = check.example { limit = 10, keep = "1h", stale = "1h", keep_in = "store", timeout = "3s" }
function rule(req)
	if req.protocol_state == "RCPT" then return info("grey " .. grey(req).word) end
	local answer = kept(req)
	return info(answer.word .. " " .. answer.from)
end
listen("inet:127.0.0.1:@PORT@", rule)
"""


class Reads:
    def start(self):
        self.database = MariaDB(f"--sql-mode={ODD}").start().add_user()
        self.database.rows("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON", None)
        self.server, self.number = None, 0
        self.serve()

    def stop(self):
        if self.server is not None:
            self.server.remove()
        self.database.remove()

    def serve(self, more=""):
        if self.server is not None:
            self.server.remove()
        self.server = PolicyServer(RULES.replace("STORE", self.database.settings(more=more)))
        self.server.start()
        wait_until(lambda: "answers" in [row[0] for row in self.database.rows("SHOW TABLES")], 20, "tables")

    def clients(self, count):
        return [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in range(count)]

    @staticmethod
    def send(client, helo, state="HELO", number=0, name="s"):
        client.socket.sendall(f"request=smtpd_access_policy\nprotocol_state={state}\nhelo_name={helo}\n"
                              f"client_address=192.0.2.1\nsender={name}{number}@example.net\n"
                              f"recipient=r@example.org\ninstance=1.{number}\n\n".encode())

    def statements(self, text):
        """How many that begin so the server has executed."""
        return self.database.rows("SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Execute' "
                                  f"AND argument LIKE '{text}%'")[0][0]

    def gets(self):
        return self.statements("SELECT id, check_name")

    def case_one_miss_is_one_statement(self):
        client, = self.clients(1)
        self.send(client, "one")
        equal(client.reply(), "INFO normal asked")
        equal(self.gets(), 1, "look-ups")
        self.send(client, "one")
        equal(client.reply(), "INFO normal memory")
        equal(self.gets(), 1, "look-ups")
        client.close()

    def case_the_sql_mode_of_the_server_does_not_matter(self):
        client, = self.clients(1)
        names = ("back\\", "\\'", 'quo"te', "per%cent", "a\\zb", "'; drop table answers; --")
        for name in names:
            self.send(client, "mode", "RCPT", "x", name)
            equal(client.reply(), "INFO grey wait", name)
        found = {bytes.fromhex(row[0]).decode() for row in self.database.rows(
            "SELECT CONCAT(HEX(sender), '') FROM greylist WHERE sender LIKE '%x@example.net'")}
        equal(found, {f"{name}x@example.net" for name in names})
        self.database.rows("DELETE FROM greylist")
        client.close()

    def _all_at_once(self, clients):
        """The replies, and how many statements looked them up."""
        before = self.gets()
        # So that all of them are under way, however slow this client is.
        self.database.freeze()
        for number, client in enumerate(clients):
            self.send(client, f"n{number}")
        self.database.thaw()
        replies = [client.reply() for client in clients]
        return replies, self.gets() - before

    def case_misses_in_flight_share_statements(self):
        clients = self.clients(MISSES)
        replies, reads = self._all_at_once(clients)
        equal(set(replies), {"INFO normal asked"})
        wait_until(lambda: self.database.rows("SELECT COUNT(*) FROM answers") [0][0] >= MISSES, 10, "all written")
        writes = self.statements("INSERT INTO answers")
        note(f"{MISSES} misses: {reads} statements that read, {writes} that write")
        equal(reads * 3 <= MISSES and writes * 10 <= MISSES, True, f"{reads} reads, {writes} writes")
        # What another gateway has written is found in the same way.
        self.serve()
        again = self.clients(MISSES)
        replies, reads = self._all_at_once(again)
        note(f"{replies.count('INFO normal store')} of {MISSES} found in the store: {reads} statements")
        equal(reads * 3 <= MISSES, True, f"{reads} statements that read")
        equal("INFO normal store" in replies and set(replies) <= {"INFO normal store", "INFO normal asked"}, True,
              f"{set(replies)}")
        for client in clients + again:
            client.close()

    def _ask_for(self, client, seconds, state):
        """Asks about what is new, one after the other. The times that the log says, in ms, sorted: what
        processors lack that others keep busy is not in it."""
        begin, end = len(self.server.log()), time.monotonic() + seconds
        while time.monotonic() < end:
            self.number += 1
            self.send(client, f"h{self.number}", state, self.number)
            client.reply()
        return sorted(float(ms) for ms in re.findall(r" ms=([0-9.]+)\n", self.server.log()[begin:]))

    def case_a_frozen_server_costs_requests_nothing(self):
        """Those that meet the freeze lose no more than their own timeout; after them all are told at once."""
        self.serve(', timeout = "1s"')
        client, = self.clients(1)
        for state in ("HELO", "RCPT"):
            self._ask_for(client, 0.2, state)
        self.database.freeze()
        try:
            for state, name in (("RCPT", "that write"), ("HELO", "that read")):
                first = self._ask_for(client, 3, state)
                times = self._ask_for(client, 3, state)
                late = sum(took > 1 for took in times)
                note(f"frozen, asks {name}: {sum(took > 100 for took in first)} met it and lost {first[-1]:.0f} ms at "
                     f"most; then median {statistics.median(times)} ms, most {times[-1]} ms, {late} of {len(times)} "
                     "over 1 ms")
                equal(first[-1] < 3000, True, f"the first lose {first[-1]} ms")
                equal(sum(took > 100 for took in first) <= 5, True, f"who met it: {first[-10:]}")
                equal(late * 500 <= len(times) and times[-1] < 100, True, f"over 1 ms: {times[-1 - late:]}")
        finally:
            self.database.thaw()
        wait_until(lambda: "good" in self.server.ctl("store", "status"), 10, "it works again")
        self.send(client, "thawed", "RCPT", 0)
        equal(client.reply(), "INFO grey wait")
        client.close()


if __name__ == "__main__":
    sys.exit(run_cases(Reads))
