# dns.py - a DNS server on loopback for tests of the running server: UDP, addresses and what fails
import socket
import struct
import threading

TTL = 60
TXT = struct.pack(">H", 16)
CODES = {"nxdomain": 3, "servfail": 2}
# Of the root; its last number says how long "there is none" is good.
SOA = struct.pack(">BHHIHBBIIIII", 0, 6, 1, TTL, 22, 0, 0, 1, 1, 1, 1, TTL)


class NameServer:
    """answers: names -> an IPv4 address, or several, or "nxdomain", "servfail", "silent"; "NAME TXT" ->
    a text. Other names are what others says. All is good for a minute. What is changed counts at once."""

    def __init__(self, answers):
        self.answers, self.asked, self.others = answers, [], "nxdomain"
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
        text = query[at + 1:at + 3] == TXT
        said = self.answers.get(name + " TXT" if text else name, self.others)
        if said == "silent":
            return None
        code = CODES.get(said, 0) if isinstance(said, str) else 0
        data = [] if code else [said] if isinstance(said, str) else said
        records = [self._record(each, text) for each in data] or [SOA]
        return (query[:2] + struct.pack(">BBHHHH", 0x81, 0x80 | code, 1, len(data), int(not data), 0) + question +
                b"".join(records))

    @staticmethod
    def _record(data, text):
        data = bytes([len(data)]) + data.encode() if text else socket.inet_aton(data)
        return struct.pack(">HHHIH", 0xc00c, 16 if text else 1, 1, TTL, len(data)) + data
