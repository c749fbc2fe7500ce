# lib/load.py - clients that ask all the time, in a process of their own, so that it is not the test that is slow
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

from policy import encode


class Load:
    """So many connections to a port of this machine, each of which asks every so many seconds.

    end() ends it and returns the requests: when each began (time.monotonic()), how long it took, and what came;
    None: the connection was closed.
    """

    def __init__(self, port, connections, every):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), str(connections), str(every)],
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()  # all are connected

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=120)
        return [tuple(json.loads(line)) for line in out.splitlines()]


class Asker:
    """One connection."""

    def __init__(self, port, number, due):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number, self.due, self.asked = number, due, 0
        self.began, self.got = None, b""

    def ask(self):
        self.asked += 1
        mail = f"{self.number}.{self.asked}"
        self.began = time.monotonic()
        self.socket.sendall(encode(instance=mail, sender=f"{mail}@example.net"))

    def read(self):
        """What came, or None as long as it is not all."""
        got = self.socket.recv(65536)
        self.got += got
        if got and not self.got.endswith(b"\n\n"):
            return None
        reply, self.got = self.got, b""
        return reply.decode()[len("action="):].rstrip("\n") if got else ""


def main(port, connections, every):
    ended, done = [], []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    selector = selectors.DefaultSelector()
    start = time.monotonic()
    askers = [Asker(port, i, start + every * i / connections) for i in range(connections)]
    for each in askers:
        selector.register(each.socket, selectors.EVENT_READ, each)
    print("ready", flush=True)
    while not ended or any(each.began for each in askers):
        now = time.monotonic()
        for each in askers:
            if each.began is None and each.due <= now and not ended:
                each.due = max(each.due + every, now)
                each.ask()
        for key, _ in selector.select(0.001):
            each = key.data
            reply = each.read()
            if reply is None:
                continue
            done.append((each.began, time.monotonic() - each.began, reply or None))
            each.began = None
            if not reply:
                selector.unregister(each.socket)
                askers.remove(each)
    for each in done:
        print(json.dumps(each))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
