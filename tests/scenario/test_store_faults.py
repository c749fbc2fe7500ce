#!/usr/bin/env python3
# test_store_faults.py - a database that fails: unknown in time, a line in the log, and nothing is lost
# timeout: 180
import contextlib
import os
import pwd
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import PolicyClient, PolicyServer, encode, wait_until  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } USER }
store { "sqlite", path = "@FOLDER@/data/here.db" }
grey = check.greylist { delay = "10m", client_after = 0, timeout = "1s" }

function rule(req)
	local known = grey(req)
	return info(("%s %s %s %s"):format(known.word, known.reason or "-", known.first_seen or 0, known.text))
end
listen("inet:127.0.0.1:@PORT@", rule)
"""
IN_TIME = 2.5  # seconds: an ask may take one, the rest is for slow machines


class StoreFaults:
    """Each case has a server of its own, with its database in a folder of its own."""

    def start(self):
        self.server = None
        self.mounts = []

    def stop(self):
        self._end()

    def explain(self):
        return self.server and "\n".join(line[:300] for line in self.server.log().splitlines()[-30:])

    # -- what a case needs -----------------------------------------------------------

    def _begin(self, start=True, user=""):
        self._end()
        self.server = PolicyServer(RULES.replace("USER", user))
        self.data = os.path.join(self.server.folder, "data")
        self.path = os.path.join(self.data, "here.db")
        os.mkdir(self.data)
        self.told = {}  # recipient: when it was first seen, as a reply said
        self.number = 0
        if start:
            self.server.start()
        return self.server

    def _end(self):
        try:
            # Had it ended by itself, the case in which it did would have failed.
            if self.server and self.server.process and self.server.process.poll() is None:
                equal(self.server.stop(), 0, "exit status of the server")
        finally:
            while self.mounts:
                subprocess.run(["umount", "-l", self.mounts.pop()], check=False)
            if self.server:
                shutil.rmtree(self.server.folder, ignore_errors=True)
            self.server = None

    def _mount(self, size):
        """A small file system for the database."""
        if os.geteuid() != 0 or not shutil.which("mount"):
            raise Skip("only root mounts file systems")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "ppolicyd-test", self.data],
                          stderr=subprocess.DEVNULL, check=False).returncode != 0:
            raise Skip("mounting is not allowed here")
        self.mounts.append(self.data)

    def _remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.data], check=True)

    def _ask(self, recipient, client=None):
        """Word, reason, first seen and text. It must come in time."""
        one = client or PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        start = time.monotonic()
        action, word, reason, first_seen, text = one.ask(recipient=recipient).split(" ", 4)
        took = time.monotonic() - start
        if not client:
            one.close()
        equal(action, "INFO")
        assert took < IN_TIME, (recipient, word, text, took)
        assert word in ("wait", "unknown"), (recipient, word, reason, text)
        return word, reason, int(first_seen), text

    def _new(self, client=None):
        """A triplet that was never asked about; its word. What was told is noted."""
        self.number += 1
        recipient = f"user{self.number}@example.org"
        word, reason, first_seen, _ = self._ask(recipient, client)
        if word == "wait":
            equal(reason, "new", recipient)
            self.told[recipient] = first_seen
        return word

    def _some(self, count=20):
        for _ in range(count):
            equal(self._new(), "wait")

    def _until_unknown(self, most=5000):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        while self._new(client) != "unknown":
            assert self.number < most, "it never failed"
        client.close()

    def _for_a_while(self, seconds=1.5):
        """Asked again and again on some connections at once, all that comes is unknown, and in time."""
        end = time.monotonic() + seconds
        wrong = []

        def ask_on(index):
            client, count = PolicyClient(f"inet:127.0.0.1:{self.server.port}"), 0
            try:
                while time.monotonic() < end:
                    count += 1
                    word = self._ask(f"trouble{index}.{count}@example.org", client)[0]
                    if word != "unknown":
                        wrong.append((index, count, word))
                    time.sleep(0.01)
            except (AssertionError, OSError, EOFError) as error:
                wrong.append((index, count, repr(error)))
            client.close()

        threads = [threading.Thread(target=ask_on, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(wrong[:3], [], "asks while there is trouble")

    def _works_again(self, seconds=10):
        wait_until(lambda: self._new() == "wait", seconds, "the store works")
        wait_until(lambda: "    state        good" in self.server.ctl("store", "status"), seconds, "the store is good")

    def _nothing_is_lost(self):
        """All that was told is in the database, and the server knows it."""
        assert self.told
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        for recipient, first_seen in self.told.items():
            equal(self._ask(recipient, client)[:3], ("wait", "early", first_seen), recipient)
        client.close()
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10) as database:
            equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        database.close()

    def _lines(self):
        """What the log says of the store, but for how tables are made."""
        return [line for line in self.server.log().splitlines()
                if "store: " in line and not line.startswith(("NOQUEUE", "store: made the tables"))]

    def _said(self, *parts):
        """These lines, and no others."""
        wait_until(lambda: len(self._lines()) >= len(parts), 5, f"{len(parts)} lines about the store")
        equal(len(self._lines()), len(parts), "\n".join(["lines:", *self._lines()]))
        for line, part in zip(self._lines(), parts):
            contains(line, part)

    # -- full --------------------------------------------------------------------------

    def case_a_limit_of_file_size_is_a_full_disk_and_does_not_end_the_server(self):
        server = self._begin(start=False)
        # The log of the server is not to meet the limit: another process writes it.
        server.prefix = ["bash", "-c", 'exec "$0" "$@" > >(exec cat) 2>&1']
        server.start()
        self._some()
        hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
        # Less than a page of the log needs, else it could begin anew once it was moved.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        self._until_unknown()
        self._for_a_while()
        self._said("no room to write ")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self._works_again()
        self._said("no room to write ", "works again after ")
        self._nothing_is_lost()

    def case_a_limit_that_the_log_of_the_server_meets_too_does_not_end_it(self):
        server = self._begin()
        self._some()
        hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        self._until_unknown()
        server.reload()
        equal(self._new(), "unknown")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self._works_again()
        self._nothing_is_lost()

    def case_on_a_full_disk_nothing_is_lost_and_it_works_when_there_is_room(self):
        self._begin(start=False)
        self._mount("1m")
        self.server.start()
        self._some()
        filler = os.path.join(self.data, "filler")
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        self._until_unknown()
        self._for_a_while()
        self._said("no room to write ")
        os.remove(filler)
        self._works_again()
        self._said("no room to write ", "works again after ")
        self._nothing_is_lost()

    def case_after_a_kill_on_a_full_disk_nothing_is_lost(self):
        self._begin(start=False)
        self._mount("1m")
        self.server.start()
        self._some()
        filler = os.path.join(self.data, "filler")
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        self._until_unknown()
        self.server.kill()
        self.server.start()
        equal(self._new(), "unknown")
        contains(self.server.ctl("store", "status"), "no room")
        os.remove(filler)
        self._works_again()
        self._nothing_is_lost()

    # -- read-only -----------------------------------------------------------------------

    def case_on_a_read_only_file_system_it_says_so_and_works_when_it_is_writable(self):
        self._begin(start=False)
        self._mount("4m")
        self.server.start()
        self._some()
        equal(self.server.stop(), 0)
        self._remount("ro")
        self.server.start()
        equal(self._ask("user1@example.org")[0], "unknown")
        self._for_a_while()
        self._said("is on a file system that is mounted read-only")
        contains(self.server.ctl("store", "status"), "mounted read-only")
        self._remount("rw")
        self._works_again()
        self._said("mounted read-only", "works again after ")
        self._nothing_is_lost()

    def case_a_start_without_the_right_to_write_says_whose_the_files_must_be(self):
        user = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            user = "nobody"
        self._begin(start=False, user=f', user = "{user}"' if os.geteuid() == 0 else "")
        if os.geteuid() == 0:
            shutil.chown(self.server.state, user)
        os.chmod(self.data, 0o555)
        self.server.start()
        self._for_a_while(0.5)
        self._said(f"user {user} ")
        contains(self._lines()[0], self.data)
        os.chmod(self.data, 0o777)
        self._works_again()
        self._some()
        self._nothing_is_lost()

    # -- locked ----------------------------------------------------------------------------

    def case_locked_by_another_program_for_three_seconds(self):
        self._begin()
        self._some()
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self._for_a_while(3)
        self._said("is locked by another program")
        other.execute("ROLLBACK")
        other.close()
        self._works_again()
        self._said("is locked by another program", "works again after ")
        self._nothing_is_lost()

    def case_a_lock_of_a_moment_is_not_noticed(self):
        self._begin()
        self._some()
        other = sqlite3.connect(self.path, isolation_level=None)
        for _ in range(5):
            other.execute("BEGIN IMMEDIATE")
            timer = threading.Timer(0.1, lambda: None)
            timer.start()
            client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
            self.number += 1
            client.socket.sendall(encode(recipient=f"user{self.number}@example.org"))
            timer.join()
            other.execute("ROLLBACK")
            contains(client.reply(), "INFO wait new ")
            client.close()
        other.close()
        self._nothing_is_lost()
        self._said()

    # -- another file, no file, a broken one -----------------------------------------------

    def case_a_database_that_is_moved_away_and_back_is_used_again(self):
        self._begin()
        self._some()
        told = dict(self.told)
        for suffix in ("-wal", "-shm", ""):
            os.rename(self.path + suffix, self.path + ".old" + suffix)
        wait_until(lambda: os.path.exists(self.path), 5, "a new database is there")
        self._works_again()
        self.told = {}
        self._some()
        self._nothing_is_lost()
        self._said("another database is in its place")
        # Whoever puts a file in place of another stops the server, or moves all three of it.
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.path + suffix, self.path + ".new" + suffix)
            os.rename(self.path + ".old" + suffix, self.path + suffix)
        wait_until(lambda: len(self._lines()) == 2, 5, "it is noticed")
        self._works_again()
        self.told = told
        self._nothing_is_lost()
        self._said("another database is in its place", "another database is in its place")

    def case_a_damaged_file_is_left_alone_and_when_it_is_moved_away_a_new_one_is_made(self):
        self._begin()
        self._some(200)
        equal(self.server.stop(), 0)
        good = self.path + ".good"
        shutil.copy(self.path, good)
        with open(self.path, "r+b") as file:  # all but what says which tables there are
            size = os.path.getsize(self.path)
            for page in range(4096, size, 4096):
                file.seek(page)
                file.write(b"\xa5" * 4096)
        with open(self.path, "rb") as file:
            broken = file.read()
        self.server.start()
        self._for_a_while(2)
        self._said("is damaged: stop the server, keep a copy")
        contains(self._lines()[0], "a new one is made")
        with open(self.path, "rb") as file:
            equal(file.read(), broken, "the file is as it was")
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.path + suffix, self.path + ".broken" + suffix)
        told, self.told = self.told, {}
        self._works_again(15)
        self._some()
        self._nothing_is_lost()
        # And the copy of before, as somebody would put it back.
        equal(self.server.stop(), 0)
        os.rename(good, self.path)
        self.server.start()
        self.told = told
        self._nothing_is_lost()

    def case_a_file_that_is_no_database_says_what_to_do(self):
        self._begin(start=False)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("not a database\n" * 1000)
        self.server.start()
        self._for_a_while()
        self._said("is no SQLite database: stop the server, keep a copy")
        os.rename(self.path, self.path + ".other")
        self._works_again(15)
        self._nothing_is_lost()

    # -- tables ------------------------------------------------------------------------------

    def _set_version(self, version):
        with sqlite3.connect(self.path, timeout=10) as database:
            database.execute("UPDATE ppolicyd_schema SET version = ? WHERE name = 'greylist'", (version,))
        database.close()

    def case_tables_of_a_newer_program_are_left_alone_and_it_says_so(self):
        self._begin()
        self._some()
        equal(self.server.stop(), 0)
        self._set_version(99)
        self.server.start()
        self._for_a_while()
        lines = [line for line in self._lines() if "99" in line]
        equal(len(lines), 1, "\n".join(self._lines()))
        contains(lines[0], "version 99")
        contains(self._ask("user1@example.org")[3], "99")
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10) as database:
            equal(database.execute("SELECT count(*) FROM greylist").fetchone()[0], len(self.told), "rows")
        database.close()
        self._set_version(1)
        wait_until(lambda: self._new() == "wait", 30, "the tables are looked at again")
        self._nothing_is_lost()

    def case_a_table_that_is_dropped_is_told_and_is_made_after_a_start(self):
        self._begin()
        self._some()
        with sqlite3.connect(self.path, timeout=10) as database:
            database.execute("DROP TABLE greylist")
            database.execute("DELETE FROM ppolicyd_schema WHERE name = 'greylist'")
        database.close()
        word, _, _, text = self._ask("user1@example.org")
        equal(word, "unknown")
        contains(text, "no such table")
        equal(self.server.stop(), 0)
        self.server.start()
        self.told = {}
        self._some()
        self._nothing_is_lost()


if __name__ == "__main__":
    sys.exit(run_cases(StoreFaults))
