# lib/dns_servers.py - DNS servers of our own on loopback: nsd, unbound, and the one that says what none does
import os
import shutil
import socket
import struct
import subprocess

from policy import built, public_folder, wait_until
from tap import Skip

NSD = """\
server:
    ip-address: 127.0.0.1
    port: @PORT@
    username: ""
    chroot: ""
    zonesdir: "@FOLDER@"
    database: ""
    pidfile: "@FOLDER@/nsd.pid"
    xfrdfile: "@FOLDER@/xfrd.state"
    xfrdir: "@FOLDER@"
    zonelistfile: "@FOLDER@/zone.list"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""

UNBOUND = """\
server:
    interface: 127.0.0.1
    port: @PORT@
    username: ""
    chroot: ""
    directory: "@FOLDER@"
    pidfile: "@FOLDER@/unbound.pid"
    use-syslog: no
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    do-ip6: no
    rrset-roundrobin: no
    local-zone: "2.0.192.in-addr.arpa." nodefault
    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
    control-enable: no
"""


def free_dns_port():
    """A port of 127.0.0.1 where neither UDP nor TCP is served."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers(port):
    """Whether a server answers there, whatever it says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(0.2)
        try:
            peer.connect(("127.0.0.1", port))
            peer.send(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\0\0\6\0\1")
            return len(peer.recv(4096)) >= 12
        except OSError:
            return False


class Daemon:
    """A server with a folder and a port of its own."""

    def __init__(self, name, conf):
        self.program = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if self.program is None:
            raise Skip(f"{name} is not installed (scripts/deps test)")
        self.name, self.process = name, None
        self.folder = public_folder(f"ppolicyd-{name}.")
        self.port = free_dns_port()
        self.address = f"127.0.0.1:{self.port}"
        self.write("conf", conf.replace("@PORT@", str(self.port)).replace("@FOLDER@", self.folder))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.program, "-d", "-c", os.path.join(self.folder, "conf")],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_until(self._is_there, 20, f"{self.name} answers")
        return self

    def _is_there(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log()}")
        return answers(self.port)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end")
        finally:
            self.process = None

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Nsd(Daemon):
    """zones: names -> the text of the zone file; None: the zone has no file."""

    def __init__(self, zones):
        conf = NSD
        for name in zones:
            conf += f'zone:\n    name: "{name}"\n    zonefile: "{name}.zone"\n'
        super().__init__("nsd", conf)
        for name, text in zones.items():
            if text is not None:
                self.write(f"{name}.zone", text)


class Unbound(Daemon):
    """A resolver. stubs: names -> port of the server that has the zone; "." is one, else it asks the world."""

    def __init__(self, stubs):
        conf = UNBOUND
        for name, port in stubs.items():
            conf += f'stub-zone:\n    name: "{name}"\n    stub-addr: 127.0.0.1@{port}\n'
        super().__init__("unbound", conf)


class Program:
    """One of the tests: prints its address, and for each line how many questions it got."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise AssertionError(f"{command} did not start")

    def asked(self):
        self.process.stdin.write("asked\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Scripted(Program):
    """tests/lib/nameserver: says what a label of the name tells it, right or wrong."""

    program = built("NAMESERVER", "tests/lib/nameserver")

    def __init__(self):
        super().__init__(self.program)

    @classmethod
    def faults(cls):
        """Rows of NAME, TYPE, RESULT, whether to be asked for alone."""
        said = subprocess.run([cls.program, "--faults"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return [(name, kind, result, how == "alone")
                for name, kind, result, how in (line.split("\t") for line in said.splitlines())]


class Responder(Program):
    """tests/bench/responder: says at once what a label of the name tells it, or late (ms), or never."""

    def __init__(self, delay=0, before=()):
        super().__init__(*before, built("RESPONDER", "tests/bench/responder"), "-d", str(delay))
