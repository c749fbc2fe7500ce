# dns.py - a DNS server on loopback for tests of the running server: UDP, a few types and what fails
import ipaddress
import socket
import struct
import threading
import time

TTL = 60
TYPES = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
KINDS = {number: kind for kind, number in TYPES.items()}
CODES = {"nxdomain": 3, "servfail": 2}
# Of the root; its last number says how long "there is none" is good.
SOA = struct.pack(">BHHIHBBIIIII", 0, 6, 1, TTL, 22, 0, 0, 1, 1, 1, 1, TTL)


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def _data(kind, text):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind == "TXT":
        return bytes([len(text)]) + text.encode()
    if kind == "MX":
        preference, host = text.split(" ")
        return struct.pack(">H", int(preference)) + _name(host)
    return _name(text)


class NameServer:
    """answers: names -> an IPv4 address, or several, or "nxdomain", "servfail", "silent"; "NAME TYPE" ->
    a record of A, AAAA, MX, PTR or TXT, or several, and then other types of the name (but TXT) have no
    data; PTR of an address: "192.0.2.1 PTR". Other names are what others says. All is good for ttl
    seconds. What is changed counts at once. Each answer comes after delay seconds."""

    def __init__(self, answers, delay=0, ttl=TTL):
        self.answers, self.asked, self.others, self.delay, self.ttl = answers, [], "nxdomain", delay, ttl
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
                if reply is not None and self.delay:
                    threading.Thread(target=self._send_later, args=(reply, peer), daemon=True).start()
                elif reply is not None:
                    self.socket.sendto(reply, peer)
            except OSError:
                return

    def _send_later(self, reply, peer):
        time.sleep(self.delay)
        try:
            self.socket.sendto(reply, peer)
        except OSError:
            pass  # it was stopped

    def _said(self, name, kind):
        """What is said of the name, and of which type its records are."""
        for key in self.answers:
            owner, _, typed = key.partition(" ")
            if typed == kind and name in (owner, _reverse(owner) if kind == "PTR" else owner):
                return self.answers[key], kind
        if kind != "TXT" and name in self.answers:
            return self.answers[name], "A"
        if kind != "TXT" and any(key.startswith(name + " ") and key != name + " TXT" for key in self.answers):
            return [], kind
        return self.others, "A"

    def _reply(self, query):
        labels, at = [], 12
        while query[at] > 0:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, question = ".".join(labels), query[12:at + 5]
        self.asked.append(name)
        said, kind = self._said(name, KINDS.get(struct.unpack(">H", query[at + 1:at + 3])[0], ""))
        if said == "silent":
            return None
        code = CODES.get(said, 0) if isinstance(said, str) else 0
        data = [] if code else [said] if isinstance(said, str) else said
        records = [self._record(each, kind) for each in data] or [SOA]
        return (query[:2] + struct.pack(">BBHHHH", 0x81, 0x80 | code, 1, len(data), int(not data), 0) + question +
                b"".join(records))

    def _record(self, text, kind):
        data = _data(kind, text)
        return struct.pack(">HHHIH", 0xc00c, TYPES[kind], 1, self.ttl, len(data)) + data


def _reverse(owner):
    """The name that has the PTR records of an address; of anything else itself."""
    try:
        return ipaddress.ip_address(owner).reverse_pointer
    except ValueError:
        return owner
