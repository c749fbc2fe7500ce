# lib/haproxy.py - a HAProxy of our own in a temporary folder, without rights
import csv
import io
import os
import pwd
import shutil
import socket
import subprocess

from policy import public_folder, wait_until
from tap import Skip

GLOBAL = """\
global
    stats socket @FOLDER@/stats.sock mode 600
    maxconn 500

defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout check 5s
"""


class HAProxy:
    """sections is the rest of its configuration; @FOLDER@ is its folder."""

    def __init__(self, sections):
        self.program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if self.program is None:
            raise Skip("haproxy is not installed")
        self.folder = public_folder("ppolicyd-haproxy.")
        self.process = None
        self.user = None
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        with open(self._path("haproxy.cfg"), "w", encoding="utf-8") as file:
            file.write((GLOBAL + sections).replace("@FOLDER@", self.folder))

    def _path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        with open(self._path("output"), "ab") as output:
            self.process = subprocess.Popen([self.program, "-db", "-f", self._path("haproxy.cfg")], stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, cwd=self.folder,
                                            **(self.user or {}))
        wait_until(self._answers, 20, "HAProxy answers")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"HAProxy ended with {self.process.returncode}: {self.output()}")
        try:
            return self.command("show info")
        except OSError:
            return None

    def command(self, line):
        """What it prints on its stats socket."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(10)
            peer.connect(self._path("stats.sock"))
            peer.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: peer.recv(65536), b"")).decode()

    def state(self, backend, server):
        """UP, DOWN ..., and how its last check went: L4OK, L7OK, L7RSP ..."""
        rows = csv.DictReader(io.StringIO(self.command("show stat").lstrip("# ")))
        row = next(row for row in rows if (row["pxname"], row["svname"]) == (backend, server))
        return row["status"], row["check_status"].lstrip("* ")

    def wait_state(self, backend, server, *wanted):
        def reached():
            status, check = self.state(backend, server)
            return status == wanted[0] and (len(wanted) == 1 or check == wanted[1])

        try:
            wait_until(reached, 20)
        except AssertionError as error:
            raise AssertionError(f"{backend}/{server} is {self.state(backend, server)}, wanted {wanted}") from error

    def output(self):
        with open(self._path("output"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def remove(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
