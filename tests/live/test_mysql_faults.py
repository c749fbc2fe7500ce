#!/usr/bin/env python3
# live/test_mysql_faults.py - a MariaDB that fails in all ways, under load: what is answered, how late, what is lost
# timeout: 600
# alone
#
# FAULT_AWAY is how many seconds all hosts are away in one of the cases (60).
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from mariadb import MariaDB, end_session, restarted  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from pressure import KINDS, LISTED, RULES, Ledger, Load, Table, server_times, share, unknown  # noqa: E402
from tap import Skip, contains, equal, note, run_cases  # noqa: E402

AWAY = float(os.environ.get("FAULT_AWAY") or 60)
SANITIZED = bool(os.environ.get("SANITIZER"))
BACK = 5      # seconds in which all is well again
WAITED = 2    # of one answer of the database: the default of store { timeout }
LOCKED = 1    # for a lock, three times
MACHINE = 1   # more for a machine that is busy with other things
QUICK = 0.05  # that 99 of 100 asks may take while it is known that the database is away
WRITES, ALL = ("new", "again"), ("new", "again", "read")
# Where the hosts are two databases, and know nothing of each other. Not "held": the other one's notices begin anew,
# and what is held of a list goes when it may have changed.
SINGLE_HOST = ("new", "read", "kept")
COLUMNS = (("fault", 39), ("asks", 6), ("unknown", 7), ("p50 ms", 7), ("p99 ms", 7), ("longest s", 9), ("p99 away", 9),
           ("back s", 6), ("counted", 7), ("silent", 6), ("wrong", 5), ("lost", 4))


class Faults:
    def start(self):
        self.server, self.others, self.table = None, [], Table(*COLUMNS)
        self.database = MariaDB(name="faults")
        self.database.start().add_user()
        self.ledger = Ledger()
        self.serve(self.database.settings())

    def stop(self):
        if self.server is not None:
            self.server.remove()
        for database in [self.database, *self.others]:
            database.remove()

    def explain(self):
        return "-- ppolicyd:\n" + "\n".join(
            [each for each in self.server.log().splitlines() if not each.startswith("NOQUEUE")][-40:]
        ) if self.server else ""

    # -- what a case needs -----------------------------------------------

    def serve(self, store):
        """A server with this store, whose list has the one sender of all loads."""
        if self.server is not None:
            equal(self.server.remove(), 0, "exit status of the server")
        self.server = PolicyServer(RULES.replace("NAME", "mx1").replace("STORE", store)).start()
        self.server.ctl("list", "add", "known", LISTED)

    def state(self):
        return json.loads(self.server.ctl("--json", "store", "status"))

    def failed(self):
        state = self.state()
        return state["failed"] + state["refused"]

    def ask(self, helo="mail", recipient="one@example.org"):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        reply = client.ask(recipient=recipient, helo_name=helo, sender=LISTED)
        client.close()
        return reply

    def connections(self):
        return [number for (number,) in self.database.rows(
            "SELECT id FROM information_schema.processlist WHERE user = 'ppolicyd'")]

    def kill_connections(self):
        for number in self.connections():
            self.database.run(f"KILL {number}", None)  # it may be gone

    def rows(self, databases):
        """All there are; a database that is on its way up is waited for."""
        for database in databases:
            wait_until(lambda: database.run("SELECT 1", None).returncode == 0, 60, "the database answers")
        return [row for database in databases
                for row in database.rows("SELECT recipient, first_seen, asks FROM greylist")]

    # -- a fault, and its line of the table ------------------------------

    def fault(self, what, harm, heal=None, seconds=3.0, settled=0.5, away=(), most=MACHINE, kinds=KINDS,
              clients=8, databases=None, triplets=None, restarts=()):
        """Load before, while and after; judges what came. settled: seconds after the harm in which all is
        known; from then on until it is healed asks of the kinds away are unknown, and at once. most: what
        a single ask may take. Without heal the harm is a moment, after which all is to be well again.
        restarts: of restarted(), where what was harmed may have ended by itself, and only after it was healed."""
        failed, load = self.failed(), Load([self.server.port], self.ledger, kinds, clients, most=triplets)
        try:
            time.sleep(1)
            begin = time.monotonic()
            harm()
            harmed = time.monotonic()
            if heal is not None:
                time.sleep(seconds)
            ends = time.monotonic()
            if heal is not None:
                heal()
            healed = time.monotonic() if heal is not None else begin
            wait_until(lambda: load.is_calm(1, healed), 30, f"{what}: calm")
            if heal is None:
                ends = time.monotonic()
            healed = max([healed] + [moment for _, moment in restarts])
        finally:
            load.end()
        self.judge(what, load, (begin, harmed + settled, ends, healed), away, most, databases, failed)
        return load

    def judge(self, what, load, moments, away, most, databases, failed):
        begin, known, ends, healed = moments
        asks = load.between(begin, max(ends, healed))
        gone = [ask for ask in load.between(known, ends, away) if ask.begun + ask.took < ends] if away else []
        back, counted = load.unknown_until(healed), self.failed() - failed
        longest = max(ask.took for ask in load.asks)
        lost, miscounted = self.ledger.compare(self.rows(databases or [self.database]))
        times = [ask.took for ask in asks]
        self.table.add(what, len(asks), len(unknown(asks)), f"{share(times, .5):.1f}", f"{share(times, .99):.1f}",
                  f"{longest:.3f}", f"{share(server_times(self.server, gone), .99):.2f}" if away else "-",
                  f"{back:.2f}", counted, len(load.silent), len(load.wrong),
                  len(lost) + len(load.forgotten) + len(miscounted))
        equal(load.silent[:3], [], f"{what}: requests without a reply")
        equal([ask for ask in load.asks if "out of sync" in ask.text][:3], [], f"{what}: 2014")
        equal(load.wrong[:3], [], f"{what}: wrong answers")
        equal((load.forgotten[:3], lost[:3], miscounted[:3]), ([], [], []), f"{what}: committed rows that are lost")
        equal([ask for ask in gone if ask.word != "unknown"][:3], [], f"{what}: answered while it was away")
        assert not away or len(gone) > 50 or SANITIZED, f"{what}: {len(gone)} asks while it was away"
        # Reads of one sender that are asked at the same time are one ask of the store.
        told = [ask for ask in unknown(load.asks) if ask.kind not in ("read", "held")]
        assert counted >= len(told), f"{what}: {counted} counted of {len(told)}"
        if not SANITIZED:
            assert longest < most, f"{what}: the longest took {longest:.3f} s"
            assert share([ask.took for ask in gone], .99) < QUICK * 1000, f"{what}: late while it was away"
            assert back < BACK, f"{what}: back after {back:.1f} s"

    def texts(self, load, part, kind="new"):
        """Some asks of the kind were unknown, and say this."""
        texts = {ask.text for ask in unknown(load.asks) if ask.kind == kind}
        assert any(part in text for text in texts), (part, sorted(texts)[:5])

    def reads_go_on(self, load):
        equal([ask for ask in unknown(load.asks) if ask.kind == "read"][:3], [], "reads that failed")

    # -- the one host there is goes away ---------------------------------

    def case_stopped_it_is_unknown_at_once_and_well_again_without_a_restart(self):
        said = len(self.server.log())
        load = self.fault("stopped (2002)", self.database.stop, self.database.start, away=ALL)
        self.texts(load, f"unix:{self.database.socket}: ")
        log = self.server.log()[said:]
        lines = [each for each in log.splitlines() if each.startswith(("store: ", "warning: store: "))]
        # The connection ends, and then there is nobody: a line each, in whatever order they are met.
        assert 2 <= len(lines) <= 4, lines
        equal([each for each in lines if "works again after" in each], lines[-1:])

    def case_killed_under_load_nothing_that_was_answered_is_lost(self):
        load = self.fault("killed, SIGKILL (2013)", self.database.kill, self.database.start,
                          away=ALL)
        assert unknown(load.asks)

    def case_frozen_only_those_under_way_wait(self):
        # The statement under way, what is taken with the next one, and connecting again: each once.
        load = self.fault("frozen, SIGSTOP (2013)", self.database.freeze, self.database.thaw, seconds=6,
                          settled=WAITED + MACHINE, away=ALL, most=2 * WAITED + MACHINE)
        self.texts(load, "no answer within 2.0 s")

    def case_a_killed_connection_is_made_anew_at_once(self):
        warnings, begun = self.server.log().count("warning: store"), time.monotonic()
        load = self.fault("connections killed once (2006)", self.kill_connections)
        # A commit that is under way is not repeated: nobody knows what became of it. Then the first
        # attempt to connect again comes after 0.1 s.
        assert load.unknown_until(begun) < 1 + MACHINE + 0.5 or SANITIZED
        assert self.server.log().count("warning: store") - warnings <= 1

    def case_connections_that_are_killed_again_and_again_lose_nothing(self):
        def harm():
            for _ in range(10):
                self.kill_connections()
                time.sleep(0.1)

        self.fault("connections killed for a while (1927)", harm, lambda: None, seconds=0, most=WAITED + MACHINE)

    # -- it reads, and does not write ------------------------------------

    def case_read_only_it_reads_and_does_not_write(self):
        load = self.fault("read-only (1290)", lambda: self.database.rows("SET GLOBAL read_only = 1"),
                          lambda: self.database.rows("SET GLOBAL read_only = 0"), settled=1.5, away=WRITES)
        self.texts(load, "it is read-only")
        self.reads_go_on(load)

    def _full(self, database, what, fill, empty, room):
        """Until there is no room any more, then with room again. MariaDB itself may not live through it, for
        instance where it cannot even take back what it had begun. room: an Event, set while it can start."""
        self.others.append(database)
        before, self.ledger = self.ledger, Ledger()
        try:
            database.start().add_user()
            self.serve(database.settings())
            with restarted(database, room) as ended:
                load = self.fault(what, lambda: fill(database), lambda: empty(database), seconds=6,
                                  databases=[database], most=WAITED + MACHINE, restarts=ended)
            assert unknown(load.asks), "it was never full"
            self.texts(load, " full")
            if ended:
                note(f"MariaDB itself ended ({', '.join(str(status) for status, _ in ended)}), and was started again")
            else:
                self.reads_go_on(load)
        finally:
            self.ledger = before
            self.serve(self.database.settings())
            self.others.remove(database)
            database.kill()

    def case_a_full_table_is_read_and_written_when_there_is_room(self):
        def fill(database):
            database.rows("CREATE TABLE filler (a INT PRIMARY KEY AUTO_INCREMENT, b VARBINARY(4000)) ENGINE = InnoDB")
            for size in (3900, 900, 100, 10):
                while database.run(f"INSERT INTO filler (b) SELECT REPEAT('x', {size}) FROM seq_1_to_50",
                                   "ppolicyd").returncode == 0:
                    pass

        database = MariaDB("--innodb-data-file-path=ibdata1:24M", "--innodb-file-per-table=0",
                           "--innodb-undo-tablespaces=3", name="small")
        room = threading.Event()
        room.set()
        try:
            self._full(database, "table full (1114)", fill, lambda database: database.rows("DROP TABLE filler"), room)
        finally:
            database.remove()

    def case_on_a_full_disk_it_reads_and_writes_when_there_is_room(self):
        database = MariaDB(name="full")
        os.mkdir(database.data)
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=220m", "ppolicyd-test", database.data],
                stderr=subprocess.DEVNULL, check=False).returncode != 0:
            database.remove()
            raise Skip("mounting is not allowed here")
        filler = os.path.join(database.data, "filler")

        def fill(_):
            with open(filler, "wb") as file:
                try:
                    while True:
                        file.write(bytes(1 << 20))
                        file.flush()
                except OSError:
                    pass
            # As long as there is room in its files it goes on.
            wait_until(lambda: " unknown " in self.ask(recipient=f"full{time.monotonic()}@example.org"), 30,
                       "it is full")

        room = threading.Event()

        def empty(_):
            os.remove(filler)
            room.set()

        try:
            self._full(database, "small tmpfs full (1114)", fill, empty, room)
        finally:
            database.kill()
            subprocess.run(["umount", "-l", database.data], check=False)
            database.remove()

    # -- others are in the way -------------------------------------------

    def case_deadlocks_are_tried_again_and_nobody_notices(self):
        def deadlocks():
            return self.database.rows("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")[0][1]

        # In the opposite order of ppolicyd's, and with more work to undo, so that ppolicyd's are given up.
        self.database.rows("CREATE TABLE IF NOT EXISTS work (a INT) ENGINE = InnoDB")
        script = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;" + (
            "BEGIN; INSERT INTO work SELECT seq FROM seq_1_to_300;"
            "SELECT id, SLEEP(0.004) FROM greylist FORCE INDEX (PRIMARY) "
            f"WHERE recipient LIKE 'new{self.ledger.runs + 1}.%' ORDER BY id DESC FOR UPDATE; ROLLBACK; DO SLEEP(0.1);" * 20)
        before, refused = deadlocks(), []

        def harm():
            done = subprocess.run(
                [self.database.client, "--no-defaults", "--force", f"--socket={self.database.socket}", "--user=root",
                 "--database=ppolicyd"], input=script.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=60, check=False)
            refused.append(done.stderr.decode().count("ERROR 1213"))

        load = self.fault("deadlocks forced (1213)", harm, lambda: None, seconds=0, triplets=2, clients=10,
                          most=3 * LOCKED + MACHINE)
        came = deadlocks() - before - refused[0]
        note(f"{came} deadlocks were ppolicyd's to give way, {refused[0]} the other's; {len(unknown(load.asks))} asks "
             "unknown")
        assert came > 0, "there was no deadlock"
        assert len(unknown(load.asks)) * 50 < len(load.asks), len(unknown(load.asks))

    def _locked(self, what, seconds, level="READ COMMITTED", **more):
        """A row, or without an index for it at another level all of them."""
        self.ask(recipient="locked@example.org")
        sessions, self.told = [], []

        def ask():
            begun = time.monotonic()
            self.told.append((self.ask(recipient="locked@example.org"), time.monotonic() - begun))

        def harm():
            sessions.append(self.database.session(
                f"SET SESSION TRANSACTION ISOLATION LEVEL {level}; BEGIN; "
                "SELECT * FROM greylist WHERE recipient = 'locked@example.org' FOR UPDATE"))
            threading.Thread(target=ask).start()

        try:
            return self.fault(what, harm, lambda: end_session(sessions.pop()), seconds=seconds, **more)
        finally:
            for session in sessions:
                end_session(session)

    def case_a_lock_of_somebody_else_is_waited_for_and_then_told(self):
        load = self._locked("row locked by another (1205)", 5, most=3 * LOCKED + MACHINE)
        equal(unknown(load.asks)[:3], [], "others that were harmed")
        reply = wait_until(lambda: self.told and self.told[0], 10, "the answer of the one that is locked")
        contains(reply[0], " unknown - 0 ")
        contains(reply[0], "somebody else holds a lock for too long")
        note(f"the row that is locked itself: unknown after {reply[1]:.1f} s")
        assert reply[1] < 4 * LOCKED + MACHINE or SANITIZED, reply

    def case_a_lock_of_the_whole_table_is_told_within_the_time_of_the_check(self):
        load = self._locked("table locked by another (1205)", 6, "SERIALIZABLE", most=5 * LOCKED + MACHINE)
        self.texts(load, "somebody else holds a lock for too long")
        self.reads_go_on(load)

    def case_a_lock_of_a_moment_is_not_noticed(self):
        load = self._locked("row locked for half a second", 0.5, most=2 * LOCKED + MACHINE)
        equal(unknown(load.asks)[:3], [])

    def case_too_many_connections_are_told_and_waited_out(self):
        sessions = []

        def harm():
            sessions.extend(self.database.session("SELECT 1") for _ in range(10))
            self.database.run("SET GLOBAL max_connections = 10;" +
                              "".join(f"KILL {number};" for number in self.connections()), None)

        def heal():
            while sessions:
                end_session(sessions.pop())
            self.database.rows("SET GLOBAL max_connections = 151")

        try:
            load = self.fault("max_connections reached (1040)", harm, heal, away=ALL)
            self.texts(load, "it has too many connections already: raise max_connections")
        finally:
            heal()

    # -- tables and statements -------------------------------------------

    def _versions(self, version):
        self.database.rows(f"UPDATE ppolicyd_schema SET version = {version} WHERE name = 'greylist'")

    def case_tables_that_a_newer_program_brings_on_are_used_still(self):
        """Gateways are upgraded one after the other; those of before also connect again meanwhile."""
        def harm():
            self._versions(7)
            for _ in range(3):
                self.kill_connections()
                time.sleep(1)

        try:
            load = self.fault("schema newer since", harm, lambda: None, seconds=0, most=WAITED + MACHINE)
            equal([ask for ask in unknown(load.asks) if "version" in ask.text][:3], [])
            contains(self.server.log(), "a newer ppolicyd has brought the tables of greylist to version 7")
        finally:
            self._versions(1)

    def case_tables_of_a_newer_program_are_left_alone(self):
        self._versions(7)
        self.serve(self.database.settings())
        load = self.fault("schema newer", lambda: None, lambda: self._versions(1), away=WRITES, most=WAITED + MACHINE)
        self.texts(load, "the tables of greylist have version 7, and this ppolicyd knows versions up to 1")

    def case_a_slow_query_is_ended_by_the_server_and_harms_no_other(self):
        slow = []

        def ask():
            begun = time.monotonic()
            slow.append((self.ask("slow"), time.monotonic() - begun))

        threads = [threading.Thread(target=ask) for _ in range(2)]

        def harm():
            for thread in threads:
                thread.start()

        load = self.fault("slow queries beside others (1969)", harm, lambda: None)
        for thread in threads:
            thread.join()
        equal(unknown(load.asks)[:3], [], "others that were harmed")
        for reply, took in slow:
            contains(reply, " unknown - 0 ")
            contains(reply, "it was ended, since it took longer than 1.5 s")
            assert 1 < took < 1.5 + MACHINE or SANITIZED, took

    def case_slow_writes_are_ended_by_the_server(self):
        def harm():
            self.database.rows("DELIMITER //\nCREATE TRIGGER slow BEFORE INSERT ON greylist FOR EACH ROW "
                               "BEGIN SET @slow = SLEEP(5); END//\n")

        load = self.fault("slow writes (1969)", harm, lambda: self.database.rows("DROP TRIGGER slow"), seconds=5,
                          most=2 * WAITED + MACHINE)
        self.texts(load, "writing took longer than 1.5 s")
        self.reads_go_on(load)

    # -- several hosts ---------------------------------------------------

    def _second(self):
        """Another host with the same list; it knows nothing of the first one's triplets."""
        if not self.others:
            second = MariaDB(name="second")
            self.others.append(second)
            second.start().add_user()
            self.serve(second.settings())
        return self.others[0]

    def _both(self, by="socket"):
        second = self._second()
        self.serve(self.database.settings(second, by=by))
        equal(self.state()["host"], self.database.hosts(by)[1:-1])
        return second

    def _moves(self, what, harm, to, **more):
        load = self.fault(what, harm, kinds=SINGLE_HOST, databases=[self.database, self.others[0]], **more)
        equal(self.state()["host"], to.hosts()[1:-1])
        return load

    def case_when_the_first_host_is_stopped_the_second_takes_over_and_back(self):
        second = self._both()
        self._moves("first host stopped, to the second", self._kill_and_keep_rows(self.database, "stop"), second)
        contains(self.server.log(), f"store: uses {second.hosts()[1:-1]} from now on")
        self._moves("second host killed, back to the first", self._kill_and_keep_rows(second, "kill"), self.database)

    def _kill_and_keep_rows(self, database, how):
        """It comes back after a while, and what it was told of is there to be compared."""
        def harm():
            getattr(database, how)()
            threading.Timer(1.5, database.start).start()
        return harm

    def case_a_frozen_first_host_costs_one_time_of_waiting(self):
        second = self._both()

        def harm():
            self.database.freeze()
            threading.Timer(2 * WAITED + MACHINE, self.database.thaw).start()

        self._moves("first host frozen, to the second", harm, second, most=2 * WAITED + MACHINE)

    def case_a_read_only_host_is_skipped_for_writes(self):
        second = self._both()
        try:
            self._moves("first host read-only, to the second",
                        lambda: self.database.rows("SET GLOBAL read_only = 1"), second)
            self.database.rows("SET GLOBAL read_only = 0")
            self._moves("second host read-only, back to the first",
                        lambda: second.rows("SET GLOBAL read_only = 1"), self.database)
            second.rows("SET GLOBAL read_only = 0")
            self.database.rows("SET GLOBAL read_only = 1")
            self.serve(self.database.settings(second))
            equal(self.state()["host"], second.hosts()[1:-1])
        finally:
            for database in (self.database, second):
                database.rows("SET GLOBAL read_only = 0")

    def case_all_hosts_may_be_away_for_a_minute_under_load(self):
        second = self._both(by="TCP")
        attempts, listener = [], socket.socket()

        def knock():
            """In the first host's place: whoever comes is sent away."""
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return
                attempts.append(time.monotonic())

        def harm():
            self.database.stop()
            second.stop()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.database.port))
            listener.listen(16)
            threading.Thread(target=knock).start()

        def heal():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            self.database.start()
            threading.Timer(2, second.start).start()

        begun, said = self._memory(), len(self.server.log())
        load = self.fault(f"all hosts away for {AWAY:.0f} s", harm, heal, seconds=AWAY, away=("new", "read"),
                          kinds=SINGLE_HOST, databases=[self.database, second])
        lines = [each for each in self.server.log()[said:].splitlines() if "store: " in each and "NOQUEUE" not in each]
        note(f"{len(attempts)} attempts to connect, {len(lines)} lines in the log, {len(load.asks)} asks, memory "
             f"{begun} to {self._memory()} kB")
        # Two of 0.1 to 2 s each: the writer's, and that of those who read.
        assert 3 <= len(attempts) <= 12 + AWAY / 1.5, len(attempts)
        assert len(lines) <= 10, lines
        assert self._memory() < begun + 16384 or SANITIZED, self._memory()

    def _memory(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    # -- all of it -------------------------------------------------------

    def case_in_all_of_it_no_request_was_without_its_reply_no_action_wrong_and_no_row_lost(self):
        self.table.show()
        assert self.table.rows
        equal([self.table.sum(name) for name in ("silent", "wrong", "lost")], [0, 0, 0])


if __name__ == "__main__":
    sys.exit(run_cases(Faults))
