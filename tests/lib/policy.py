# lib/policy.py - a ppolicyd of our own with a rule file, and a client that asks it
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# One line a request: NOQUEUE: verb: STATE from name[address]: text; id=... key=value ...
REQUEST_LINE = re.compile(
    r"(?P<queue>\S+): (?P<verb>[a-z_-]+): (?P<state>[A-Z-]+) from (?P<name>\S+)\[(?P<address>[^\]]*)\]: "
    r"(?P<text>.*?)(?:; )?id=(?P<id>\S+) (?P<rest>rule=.*)$")


def program(variable, default):
    """The path of a program that an environment variable may name."""
    return os.path.abspath(os.environ.get(variable) or os.path.join(ROOT, default))


def built(variable, default):
    """The path of a program built beside the server."""
    folder = os.path.dirname(program("PPOLICYD", "build/plain/ppolicyd"))
    return os.path.abspath(os.environ.get(variable) or os.path.join(folder, default))


def public_folder(prefix):
    """A temporary folder that other users can enter, with a path short enough for
    unix sockets: both are not sure of TMPDIR."""
    folder = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
    os.chmod(folder, 0o755)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(true, seconds=10, what="it"):
    """Calls true() until it returns something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} has not come true in {seconds} s")
        time.sleep(0.005)


class LogLine:
    """A request's line of the log, taken apart; .values holds key=value."""

    def __init__(self, match, line):
        self.line = line
        self.queue, self.verb, self.state = match["queue"], match["verb"], match["state"]
        self.address, self.text, self.id = match["address"], match["text"], match["id"]
        self.values = dict(re.findall(r"(\w+)=(\[.*?\]|<.*?>(?= |$)|\S*)", match["rest"]))

    def __repr__(self):
        return self.line


class PolicyServer:
    """A server with a folder of its own.

    rules is the text of the rule file; in it, @MODULES@ is the folder of the
    program's modules, @FOLDER@ the server's own and @PORT@ its port. PPOLICYD names
    the program (default build/plain/ppolicyd), PPOLICYCTL the control program
    (default: the one beside it, else reload() sends SIGHUP), PPOLICYD_MODULES the
    modules (default: modules/ beside it).
    """

    def __init__(self, rules, command_prefix=()):
        self.program = program("PPOLICYD", "build/plain/ppolicyd")
        beside = os.path.join(os.path.dirname(self.program), "ppolicyctl")
        self.control = os.path.abspath(os.environ.get("PPOLICYCTL") or beside)
        self.folder = public_folder("ppolicyd-test.")
        self.port = free_port()
        self.rule_file = os.path.join(self.folder, "rules.lua")
        self.log_file = os.path.join(self.folder, "log")
        self.state = os.path.join(self.folder, "state")
        self.prefix = list(command_prefix)
        self.process = None
        os.makedirs(self.state, exist_ok=True)
        self.write_rules(rules)

    def write_rules(self, rules):
        modules = os.environ.get("PPOLICYD_MODULES") or os.path.join(os.path.dirname(self.program), "modules")
        for name, value in (("@MODULES@", os.path.abspath(modules)), ("@FOLDER@", self.folder),
                            ("@PORT@", str(self.port))):
            rules = rules.replace(name, value)
        with open(self.rule_file + ".new", "w", encoding="utf-8") as file:
            file.write(rules)
        os.rename(self.rule_file + ".new", self.rule_file)

    def addresses(self):
        with open(self.rule_file, encoding="utf-8") as file:
            return re.findall(r'^listen\s*\(\s*"([^"]+)"', file.read(), re.M)

    def start(self, seconds=20):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.said = len(self.log())  # by servers that ran here before
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen(
            self.prefix + [self.program, "-c", self.rule_file, "--state", self.state],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)))
        log.close()
        wait_until(self._listens, seconds, "the server listens")
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.log()[-2000:]}")
        for address in self.addresses():
            try:
                connect(address).close()
            except OSError:
                return False
        return self._is_ready()

    def _is_ready(self):
        """It listens before it is; then it says so, and has a control socket."""
        if "\nready: " in "\n" + self.log()[self.said:]:
            return True
        try:
            connect("unix:" + os.path.join(self.state, "control.sock")).close()
        except OSError:
            return False
        return True

    def reload(self, check=True):
        """True if the new rules are in force; waits for them where ppolicyctl is there."""
        if os.path.exists(self.control):
            done = subprocess.run([self.control, "-s", os.path.join(self.state, "control.sock"), "reload"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            if check and done.returncode != 0:
                raise AssertionError(f"reload: {done.returncode}: {done.stdout.decode()}")
            return done.returncode == 0
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        return True

    def ctl(self, *arguments):
        """What ppolicyctl prints."""
        return subprocess.run([self.control, "-s", os.path.join(self.state, "control.sock"), *arguments],
                              stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()

    def stop(self, seconds=20):
        """SIGTERM; the exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self._reap(seconds)

    def kill(self):
        self.process.kill()
        self._reap(5)

    def _reap(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end in {seconds} s")
        finally:
            self.process = None
        return status

    def remove(self):
        """Stops it and removes its folder."""
        try:
            return self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        try:
            with open(self.log_file, "rb") as file:
                return file.read().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return ""

    def lines(self):
        """The lines of requests, in order."""
        found = ((REQUEST_LINE.search(line), line) for line in self.log().splitlines())
        return [LogLine(match, line) for match, line in found if match]

    def wait_line(self, **wanted):
        """The last line of a request with these values (state=, verb=, or keys of it)."""

        def find():
            for line in reversed(self.lines()):
                values = {**line.values, **vars(line)}
                if all(values.get(key) == value for key, value in wanted.items()):
                    return line
            return None

        return wait_until(find, 5, f"a line with {wanted}")


def connect(address, timeout=30):
    """A socket for unix:PATH or inet:HOST:PORT."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(timeout)
        try:
            peer.connect(rest)
        except OSError:
            peer.close()
            raise
        return peer
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


DEFAULTS = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
    "client_address": "192.0.2.1", "client_name": "client.example.net",
    "reverse_client_name": "client.example.net", "helo_name": "client.example.net",
    "sender": "sender@example.net", "recipient": "recipient@example.org", "instance": "1a2b.3c",
}


def encode(**attributes):
    lines = {**DEFAULTS, **attributes}
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode() + b"\n"


class PolicyClient:
    """One connection of a client; ask() returns the value of action=."""

    def __init__(self, address):
        self.socket = connect(address)
        self.rest = b""

    def ask(self, **attributes):
        self.socket.sendall(encode(**attributes))
        return self.reply()

    def reply(self):
        while b"\n\n" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError("closed without a reply")
            self.rest += got
        reply, self.rest = self.rest.split(b"\n\n", 1)
        if not reply.startswith(b"action="):
            raise AssertionError(f"not a reply: {reply!r}")
        return reply[len(b"action="):].decode()

    def close(self):
        self.socket.close()
