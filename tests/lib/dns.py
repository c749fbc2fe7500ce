# dns.py - a DNS server on loopback for tests of the running server: UDP, addresses and what fails
import socket
import struct
import threading


class NameServer:
    """answers: names -> an IPv4 address, or "nxdomain", "servfail", "silent"; others are nxdomain."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
                reply = self._reply(query)
                if reply is not None:
                    self.socket.sendto(reply, peer)
            except OSError:
                return

    def _reply(self, query):
        labels, at = [], 12
        while query[at] > 0:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, question = ".".join(labels), query[12:at + 5]
        self.asked.append(name)
        said = self.answers.get(name, "nxdomain")
        if said == "silent":
            return None
        code = {"nxdomain": 3, "servfail": 2}.get(said, 0)
        record = b"" if code else struct.pack(">HHHIH4s", 0xc00c, 1, 1, 60, 4, socket.inet_aton(said))
        return query[:2] + struct.pack(">BBHHHH", 0x81, 0x80 | code, 1, int(not code), 0, 0) + question + record
