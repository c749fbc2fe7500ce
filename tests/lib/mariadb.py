# lib/mariadb.py - a MariaDB of our own in a private folder, with socket and TCP
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

from policy import free_port, public_folder, wait_until
from tap import Skip

# As small and quiet as it can be, and with all that lasts as a real one has it.
OPTIONS = ("--skip-name-resolve", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M",
           "--innodb-log-file-size=16M", "--performance-schema=OFF", "--skip-log-bin",
           "--innodb-flush-log-at-trx-commit=1")
ESCAPES = {"t": "\t", "n": "\n", "0": "\0", "\\": "\\"}


def program(name):
    """Its path; they lie where users have no business."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/usr/libexec")
    if path is None:
        raise Skip(f"{name} is not here (./scripts/deps test)")
    return path


def _value(text):
    """What --batch prints, as Python sees it."""
    if text == "NULL":
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    parts, rest = [], text
    while "\\" in rest:
        before, _, rest = rest.partition("\\")
        parts += [before, ESCAPES.get(rest[:1], rest[:1])]
        rest = rest[1:]
    return "".join(parts) + rest


class MariaClient:
    """Statements for whoever listens on a socket, as its root."""

    def __init__(self, socket):
        self.client, self.socket = program("mariadb"), socket

    def run(self, sql, database):
        return subprocess.run(
            [self.client, "--no-defaults", "--batch", "--skip-column-names", f"--socket={self.socket}",
             "--user=root", "--default-character-set=utf8mb4", "--connect-timeout=5",
             *([f"--database={database}"] if database else [])],
            input=sql.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def rows(self, sql, database="ppolicyd"):
        """The rows of the statements' results."""
        done = self.run(sql, database)
        if done.returncode != 0:
            raise AssertionError(f"{sql}: {done.stderr.decode()}")
        lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
        return [tuple(_value(text) for text in line.split("\t")) for line in lines]


class MariaDB(MariaClient):
    """start() makes the data folder at its first call and starts the server, remove() ends it all.

    The server's root needs no password. add_user() makes one for ppolicyd, with a
    database; settings() is the store {} that uses it.
    """

    def __init__(self, *options, name="db"):
        self.server = program("mariadbd")
        self.folder = public_folder(f"ppolicyd-{name}.")
        super().__init__(os.path.join(self.folder, "sock"))
        self.data = os.path.join(self.folder, "data")
        self.log_file = os.path.join(self.folder, "log")
        self.password_file = os.path.join(self.folder, "password")
        self.options = list(options)
        self.user = ["--user=root"] if os.geteuid() == 0 else []
        self.port = free_port()
        self.process = None
        self.frozen = False

    # -- the server ------------------------------------------------------

    def _install(self):
        done = subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
             "--auth-root-authentication-method=normal", "--skip-name-resolve", *self.user, *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
        if done.returncode != 0:
            raise AssertionError(f"mariadb-install-db: {done.stdout.decode()[-2000:]}")

    def is_installed(self):
        return os.path.isdir(os.path.join(self.data, "mysql"))

    def start(self, *options, seconds=60):
        if not self.is_installed():
            self._install()
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.server, "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
                 f"--port={self.port}", f"--pid-file={self.folder}/pid", *OPTIONS, *self.user, *self.options, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, seconds, "MariaDB answers")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"MariaDB ended with {self.process.returncode}: {self.log()[-2000:]}")
        return self.run("SELECT 1", None).returncode == 0

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, seconds=60):
        self.thaw()
        if self.process is not None:
            self.process.terminate()
            self._reap(seconds)

    def kill(self):
        self.thaw()
        if self.process is not None:
            self.process.kill()
            self._reap(20)

    def _reap(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what is in it ---------------------------------------------------

    def session(self, sql, database="ppolicyd"):
        """A client that has run this and keeps its connection, and with it its locks, until it is
        ended with end_session()."""
        process = subprocess.Popen(
            [self.client, "--no-defaults", "--batch", "--skip-column-names", "--unbuffered",
             f"--socket={self.socket}", "--user=root", f"--database={database}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(sql.encode() + b";\nSELECT 'done';\n")
        process.stdin.flush()
        while process.stdout.readline().strip() != b"done":
            if process.poll() is not None:
                raise AssertionError(f"{sql}: the client ended")
        return process

    def add_user(self, rights="ALL", user="ppolicyd", password="a secret that nobody tells", database="ppolicyd"):
        self.rows(f"CREATE DATABASE IF NOT EXISTS {database};"
                  f"CREATE OR REPLACE USER '{user}'@'%' IDENTIFIED BY '{password}';"
                  f"GRANT {rights} ON {database}.* TO '{user}'@'%';", None)
        with open(self.password_file, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(password + "\n")
        return self

    def hosts(self, by="socket"):
        return f'"unix:{self.socket}"' if by == "socket" else f'"127.0.0.1:{self.port}"'

    def settings(self, *others, by="socket", more=""):
        """store {} with this host, and those of other servers behind it."""
        hosts = ", ".join(each.hosts(by) for each in (self, *others))
        return f'store {{ "mysql", hosts = {{ {hosts} }}, password_file = "{self.password_file}"{more} }}'


@contextlib.contextmanager
def restarted(database, may):
    """Starts it again when it ended by itself, once it may: an Event, since on a full disk it does not start, but
    waits a minute for room. What is given is a list: with what status it ended, and when it answered again
    (time.monotonic())."""
    over, ended = threading.Event(), []

    def watch():
        while not over.wait(0.1):
            status = database.process.poll() if may.is_set() else None
            if status is not None:
                with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):  # it is tried again
                    database.start()
                    ended.append((status, time.monotonic()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield ended
    finally:
        over.set()
        watcher.join()


def end_session(process):
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
