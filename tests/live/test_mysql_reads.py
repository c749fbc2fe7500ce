#!/usr/bin/env python3
# live/test_mysql_reads.py - kept answers in a real MariaDB: how many statements misses cost, and a freeze
# timeout: 200
# alone
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from mariadb import MariaDB  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

MISSES = 400
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
        self.database = MariaDB().start().add_user()
        self.database.rows("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON", None)
        self.server = None

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
    def send(client, helo, state="HELO", number=0):
        client.socket.sendall(f"request=smtpd_access_policy\nprotocol_state={state}\nhelo_name={helo}\n"
                              f"client_address=192.0.2.1\nsender=s{number}@example.net\n"
                              f"recipient=r@example.org\ninstance=1.{number}\n\n".encode())

    def statements(self, text):
        """How many that begin so the server has executed."""
        return self.database.rows("SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Execute' "
                                  f"AND argument LIKE '{text}%'")[0][0]

    def gets(self):
        return self.statements("SELECT id, check_name")

    def case_one_miss_is_one_statement(self):
        self.serve()
        client, = self.clients(1)
        self.send(client, "one")
        equal(client.reply(), "INFO normal asked")
        equal(self.gets(), 1, "look-ups")
        self.send(client, "one")
        equal(client.reply(), "INFO normal memory")
        equal(self.gets(), 1, "look-ups")
        client.close()

    def case_misses_in_flight_share_statements(self):
        clients, before = self.clients(MISSES), self.gets()
        for number, client in enumerate(clients):
            self.send(client, f"n{number}")
        for client in clients:
            equal(client.reply(), "INFO normal asked")
        reads = self.gets() - before
        wait_until(lambda: self.database.rows("SELECT COUNT(*) FROM answers") == [(MISSES + 1,)], 10, "all written")
        writes = self.statements("INSERT INTO answers")
        note(f"{MISSES} misses: {reads} statements that read, {writes} that write")
        equal(reads * 4 <= MISSES and writes * 4 <= MISSES, True, f"{reads} reads, {writes} writes")
        # What another gateway has written is found in the same way.
        self.serve()
        before, again = self.gets(), self.clients(MISSES)
        for number, client in enumerate(again):
            self.send(client, f"n{number}")
        for client in again:
            equal(client.reply(), "INFO normal store")
        note(f"{MISSES} found in the store: {self.gets() - before} statements")
        equal((self.gets() - before) * 4 <= MISSES, True, "statements that read")
        for client in clients + again:
            client.close()

    def _times(self, client, seconds, state):
        times, end, number = [], time.monotonic() + seconds, 0
        while time.monotonic() < end:
            number += 1
            begin = time.monotonic()
            self.send(client, f"{number}", state, number)
            client.reply()
            times.append(time.monotonic() - begin)
        return sorted(times)

    def case_a_frozen_server_costs_requests_nothing(self):
        """Those that meet the freeze lose no more than a timeout; after them all are told at once."""
        self.serve(', timeout = "1s"')
        client, = self.clients(1)
        self._times(client, 0.2, "HELO")
        self._times(client, 0.2, "RCPT")
        self.database.freeze()
        try:
            for state, name in (("RCPT", "that write"), ("HELO", "that read")):
                first = self._times(client, 3, state)
                times = self._times(client, 4, state)
                most = 1000 * times[-1]
                note(f"frozen, asks {name}: the first ones lose {1000 * first[-1]:.0f} ms at most; then median "
                     f"{1000 * statistics.median(times):.3f} ms, 99 % {1000 * times[len(times) * 99 // 100]:.3f} ms, "
                     f"most {most:.1f} ms, {sum(taken > 0.001 for taken in times)} of {len(times)} over 1 ms")
                equal(first[-1] < 3, True, f"the first lose {first[-1]} s")
                equal(times[len(times) * 99 // 100] < 0.02, True, f"99 %: {times[len(times) * 99 // 100]} s")
                equal(times[-1] < 0.2, True, f"most {most} ms")
        finally:
            self.database.thaw()
        wait_until(lambda: self.server.ctl("store", "status").find("good") >= 0, 10, "it works again")
        client.close()


if __name__ == "__main__":
    sys.exit(run_cases(Reads))
