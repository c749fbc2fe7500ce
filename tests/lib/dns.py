# dns.py - a DNS server on loopback for tests of the running server: records, delays and what fails, on UDP
import heapq
import ipaddress
import os
import select
import socket
import struct
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
CODES = {"nxdomain": 3, "servfail": 2, "refused": 5}
TTL = 60


def encode_name(name):
    labels = [label.encode("latin-1") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def decode_name(message, at):
    """A name without pointers, and the place behind it."""
    labels = []
    while message[at] > 0:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), at + 1


def encode_data(kind, text):
    if kind == "A":
        return socket.inet_aton(text)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, text)
    if kind == "TXT":
        data = text.encode("latin-1")
        return b"".join(bytes([len(data[at:at + 255])]) + data[at:at + 255] for at in range(0, len(data), 255))
    if kind == "MX":
        preference, host = text.split()
        return struct.pack(">H", int(preference)) + encode_name(host)
    return encode_name(text)


def encode_record(kind, ttl, data):
    """Of the name of the question."""
    return struct.pack(">HHHIH", 0xc00c, TYPES[kind], 1, ttl, len(data)) + data


def by_name(answers):
    """Names -> records by type, or what is said as it is."""
    table = {}
    for key, said in answers.items():
        name, _, kind = key.partition(" ")
        if kind == "PTR" and not name.endswith(".arpa"):
            name = ipaddress.ip_address(name).reverse_pointer
        if isinstance(said, list) or kind or (isinstance(said, str) and said[0].isdigit()):
            said = {kind or "A": said}
        if isinstance(said, dict) and isinstance(table.get(name), dict):
            said = {**table[name], **said}
        table[name] = said
    return table


class NameServer:
    """answers: names in lower case -> what is said of them; of others, what `others` says.

    An IPv4 address, or a list of them, are A records; what "NAME TYPE" stands for are records too, a
    text or a list (PTR also of an address); a dict has records by type, and "ttl" (60). "nxdomain",
    "servfail", "refused" and "silent" are said as they are. A function is called with name and type
    and returns any of these. `negative` is how many seconds it is good that there is nothing (None:
    no SOA record says it), `delay` how many it takes to answer. While `held`, questions are taken,
    and answered later. All of it may be changed at any time.
    """

    def __init__(self, answers, others="nxdomain", delay=0, negative=TTL, port=0):
        self.answers, self.others, self.delay, self.negative = answers, others, delay, negative
        self.asked, self.questions = [], []  # names; names and types
        self.held = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.wake, self.waker = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        os.close(self.waker)
        self.thread.join()
        os.close(self.wake)
        self.socket.close()

    def forget(self):
        """What was asked so far."""
        self.asked.clear()
        self.questions.clear()

    def _serve(self):
        self.waiting = []
        while True:
            waits = self.waiting and not self.held
            left = max(0, self.waiting[0][0] - time.monotonic()) if waits else 0.05
            ready = select.select([self.socket, self.wake], [], [], left)[0]
            if self.wake in ready:
                return
            if self.socket in ready:
                self._receive()
            while self.waiting and not self.held and self.waiting[0][0] <= time.monotonic():
                _, _, query, peer = heapq.heappop(self.waiting)
                self._answer(query, peer)

    def _receive(self):
        """All that is there, so that what was asked at once is known before any of it is answered."""
        while True:
            try:
                query, peer = self.socket.recvfrom(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            self._note(query)
            heapq.heappush(self.waiting, (time.monotonic() + self.delay, len(self.questions), query, peer))

    def _note(self, query):
        name, at = decode_name(query, 12)
        self.asked.append(name)
        self.questions.append((name, NAMES.get(struct.unpack_from(">H", query, at)[0])))

    def _answer(self, query, peer):
        reply = self._reply(query)
        if reply is not None:
            try:
                self.socket.sendto(reply, peer)
            except OSError:
                pass  # who asked is gone

    def _reply(self, query):
        name, at = decode_name(query, 12)
        kind = NAMES.get(struct.unpack_from(">H", query, at)[0])
        said = by_name(self.answers).get(name.lower(), self.others)
        if callable(said):
            said = said(name, kind)
        if said == "silent":
            return None
        code, records = CODES.get(said, 0) if isinstance(said, str) else 0, []
        if not code:
            table = said if isinstance(said, dict) else {"A": said}
            texts = table.get(kind, [])
            records = [encode_record(kind, table.get("ttl", TTL), encode_data(kind, text))
                       for text in ([texts] if isinstance(texts, str) else texts)]
        authority = b""
        if not records and code in (0, 3) and self.negative is not None:
            authority = encode_record("SOA", self.negative, b"\0\0" + struct.pack(">5I", 1, 1, 1, 1, self.negative))
        header = struct.pack(">BBHHHH", 0x81, 0x80 | code, 1, len(records), int(authority != b""), 0)
        return query[:2] + header + query[12:at + 4] + b"".join(records) + authority
