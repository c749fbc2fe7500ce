# lib/others.py - policy servers of others, in folders of their own, and a relay before a server that harms what it says
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time

from policy import connect, free_port, public_folder, wait_until
from tap import Skip

POSTFWD_RULES = """\
id=REFUSED; recipient==refused@example.org; action=REJECT no such user here
id=ALL; action=DUNNO
"""


class OtherServer:
    """One process that listens on a port of loopback; command(server) is what it is called with.

    With daemon it goes to the background by itself, and the file pid in its folder says what it is.
    """

    def __init__(self, name, command, daemon=False):
        self.program = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
        if self.program is None:
            raise Skip(f"{name} is not installed")
        self.folder = public_folder(f"ppolicyd-{name}.")
        self.port = free_port()
        self.user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.group = "nogroup" if os.getuid() == 0 else str(os.getgid())
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.group)
        self.command, self.daemon = command, daemon
        self.process = self.pid = None

    def start(self):
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen([self.program, *self.command(self)], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, cwd=self.folder)
        if self.daemon:
            self.process.wait(20)
        wait_until(self._listens, 20, f"{self.program} listens")
        self.pid = self.process.pid if not self.daemon else wait_until(self._read_pid, 20, "its pid file is there")
        return self

    def _read_pid(self):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.folder, "pid"), encoding="ascii") as file:
            return int(file.read() or 0)
        return 0

    def _listens(self):
        if not self.daemon and self.process.poll() is not None:
            raise AssertionError(f"{self.program} ended with {self.process.returncode}: {self.output()}")
        try:
            connect(f"inet:127.0.0.1:{self.port}").close()
            return True
        except OSError:
            return False

    def _is_gone(self):
        if not self.daemon:
            return self.process.poll() is not None
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    def output(self):
        with open(os.path.join(self.folder, "output"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until(self._is_gone, 10, f"{self.program} is gone")
        self.pid = None

    def remove(self):
        if self.pid is None and self.daemon:
            self.pid = self._read_pid() or None
        elif self.pid is None and self.process is not None and self.process.poll() is None:
            self.pid = self.process.pid
        if self.pid is not None and not self._is_gone():
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def postgrey():
    """Greylisting; its database is made anew with each start."""

    def command(server):
        database = os.path.join(server.folder, "db")
        shutil.rmtree(database, ignore_errors=True)
        os.mkdir(database)
        if os.getuid() == 0:
            shutil.chown(database, server.user, server.group)
        return [f"--inet=127.0.0.1:{server.port}", f"--dbdir={database}", f"--user={server.user}",
                f"--group={server.group}", "--delay=1"]

    return OtherServer("postgrey", command)


def postfwd():
    """Rules: refused@example.org is refused, all others are not."""

    def command(server):
        rules = os.path.join(server.folder, "rules")
        with open(rules, "w", encoding="ascii") as file:
            file.write(POSTFWD_RULES)
        os.chmod(rules, 0o644)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(server.folder, "pid"))
        return ["-d", "-f", rules, "-i", "127.0.0.1", "-p", str(server.port), "-u", server.user, "-g", server.group, "-n",
                "--pidfile", os.path.join(server.folder, "pid"), "--norulelog"]

    return OtherServer("postfwd1", command, daemon=True)


class Relay:
    """Before a server at a port: .delay makes its replies late, in seconds; .says is said in place of them."""

    def __init__(self, port):
        self.target, self.delay, self.says = port, 0, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connect(f"inet:127.0.0.1:{self.target}") as server:
                for each in (connection, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._pass(connection, server) and self._pass(server, connection, True):
                    pass
        except OSError:
            pass

    def _pass(self, source, target, is_reply=False):
        """One request, or one reply. False: the end."""
        got = b""
        while not got.endswith(b"\n\n"):
            more = source.recv(65536)
            if not more:
                return False
            got += more
        if is_reply:
            if self.delay:
                time.sleep(self.delay)
            got = self.says or got
        target.sendall(got)
        return True
