#!/usr/bin/env python3
# test_proxy.py - listeners behind a proxy: who may connect, whom the header names, what is refused
# timeout: 120
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import PolicyClient, PolicyServer, encode, free_port, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }

function incoming(req)
    note("peer", req.peer)
    return dunno(req.peer .. " " .. req.client_address)
end

listen("inet:127.0.0.1:@PORT@", incoming, { proxy = { networks = { "127.0.0.2", "::1" } } })
listen("inet:127.0.0.1:STRICT", incoming, { proxy = { networks = "127.0.0.0/8", timeout = "300ms" },
                                            allow = { "198.51.100.0/24", "2001:db8::/32" } })
listen("inet:127.0.0.1:NOBODY", incoming, { proxy = {} })
listen("unix:@FOLDER@/believed.sock", incoming, { proxy = { networks = "unix" }, allow = "198.51.100.9" })
listen("unix:@FOLDER@/nobody.sock", incoming, { proxy = { networks = {} } })
listen("inet:127.0.0.1:PLAIN", incoming, { allow = "127.0.0.1" })
listen("unix:@FOLDER@/few.sock", incoming, { proxy = { networks = "unix" }, max_connections = 1,
                                             overload = defer_if_permit("4.3.2", "too many") })
listen("inet:127.0.0.1:EACH", incoming, { proxy = { networks = "127.0.0.0/8" }, max_peer_connections = 2,
                                          overload = defer_if_permit("4.3.2", "too many of yours") })
listen("inet:127.0.0.1:ALONE", incoming, { max_peer_connections = 1, overload = defer("4.3.2", "one is enough") })
"""
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def line(source, destination="192.0.2.1"):
    return f"PROXY TCP{6 if ':' in source else 4} {source} {destination} 40000 10031\r\n".encode()


def block(source, command=0x21, more=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    address = socket.inet_pton(family, source)
    body = address + address + struct.pack("!HH", 40000, 10031) + more
    return SIGNATURE + struct.pack("!BBH", command, 0x21 if ":" in source else 0x11, len(body)) + body


LOCAL = SIGNATURE + b"\x20\0\0\0"


class Client(PolicyClient):
    """Connects from an address of this machine, and sends bytes first."""

    def __init__(self, address, first=b"", source="127.0.0.2"):
        kind, _, rest = address.partition(":")
        if kind == "unix":
            super().__init__(address)
        else:
            host, _, port = rest.rpartition(":")
            self.socket = socket.create_connection((host, int(port)), 30, (source, 0))
            self.rest = b""
        if first:
            self.socket.sendall(first)

    def ended(self):
        """It was closed, without a reply."""
        self.socket.settimeout(10)
        try:
            equal(self.socket.recv(1), b"")
        except ConnectionResetError:
            pass
        self.close()


class Proxy:
    def start(self):
        self.ports = {name: str(free_port()) for name in ("STRICT", "NOBODY", "PLAIN", "EACH", "ALONE")}
        self.server = PolicyServer(self.rules()).start()
        self.tcp = f"inet:127.0.0.1:{self.server.port}"

    def rules(self):
        return re.sub("STRICT|NOBODY|PLAIN|EACH|ALONE", lambda match: self.ports[match[0]], RULES)

    def stop(self):
        self.server.remove()

    def explain(self):
        return self.server.log()[-4000:]

    def named(self, name):
        return f"inet:127.0.0.1:{self.ports[name]}"

    def unix(self, name):
        return f"unix:{self.server.folder}/{name}.sock"

    def wait_log(self, text, before=0):
        return wait_until(lambda: next((each for each in self.server.log()[before:].splitlines() if text in each), None),
                          10, f"{text!r} in the log")

    def until_logged(self, do, text, before):
        """Does it until it is said: not every time is. The line."""

        def said():
            do()
            time.sleep(0.1)
            return next((each for each in self.server.log()[before:].splitlines() if text in each), None)

        return wait_until(said, 10, f"{text!r} in the log")

    def answer(self, address, first, **options):
        client = Client(address, first, **options)
        try:
            return client.ask(client_address="203.0.113.5")
        finally:
            client.close()

    # -- whom it names ---------------------------------------------------

    def case_the_source_is_the_peer_and_never_the_client_address(self):
        for first, peer in ((line("198.51.100.9"), "198.51.100.9"), (line("2001:db8::9", "2001:db8::1"), "2001:db8::9"),
                            (block("198.51.100.9"), "198.51.100.9"), (block("2001:db8::9"), "2001:db8::9"),
                            (block("::ffff:198.51.100.9"), "198.51.100.9"),
                            (block("198.51.100.9", more=b"\x02\0\x0bexample.org"), "198.51.100.9")):
            equal(self.answer(self.tcp, first), f"DUNNO {peer} 203.0.113.5")
            line_ = self.server.wait_line(peer=peer)
            equal(line_.address, "203.0.113.5", "the line of the request")

    def case_without_a_source_the_proxy_is_the_peer(self):
        for first in (LOCAL, b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x21\0\0\0", block("198.51.100.9", command=0x20),
                      SIGNATURE + b"\x21\x31\0\xd8" + b"/run/x".ljust(216, b"\0")):
            equal(self.answer(self.tcp, first), "DUNNO 127.0.0.2 203.0.113.5")
        self.wait_log(f"client 127.0.0.2 on {self.tcp}: its PROXY header names no client")

    def case_header_and_requests_may_share_a_segment(self):
        client = Client(self.tcp, block("198.51.100.9") + encode() + encode(client_address="203.0.113.6"))
        equal(client.reply(), "DUNNO 198.51.100.9 192.0.2.1")
        equal(client.reply(), "DUNNO 198.51.100.9 203.0.113.6")
        equal(client.ask(), "DUNNO 198.51.100.9 192.0.2.1")
        client.close()

    def case_header_and_request_may_come_byte_by_byte(self):
        for first in (line("198.51.100.9"), block("198.51.100.9")):
            client = Client(self.tcp)
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in first + encode():
                client.socket.sendall(bytes([byte]))
            equal(client.reply(), "DUNNO 198.51.100.9 192.0.2.1")
            client.close()

    # -- who may connect -------------------------------------------------

    def case_others_are_closed_before_a_byte_is_read(self):
        for address, source in ((self.tcp, "127.0.0.1"), (self.named("NOBODY"), "127.0.0.2"),
                                (self.named("NOBODY"), "127.0.0.1")):
            before = len(self.server.log())
            self.until_logged(lambda: Client(address, source=source).ended(),
                              f"warning: {address}: {source} is not in the networks of proxy; connection closed", before)

    def case_warnings_about_them_are_one_a_second(self):
        before, began = len(self.server.log()), time.monotonic()
        for _ in range(100):
            Client(self.tcp, source="127.0.0.1").ended()
        time.sleep(1.1)
        Client(self.tcp, source="127.0.0.1").ended()
        said = self.wait_log("before, not logged)", before)
        took = time.monotonic() - began
        log = self.server.log()[before:]
        warnings = log.count("is not in the networks of proxy")
        held = sum(int(number) for number in re.findall(r"\(and (\d+) before, not logged\)", log))
        assert warnings <= took + 2, (warnings, took)
        assert warnings + held >= 101, (warnings, held, said)

    def case_a_unix_socket_is_believed_only_where_that_is_said(self):
        equal(self.answer(self.unix("believed"), line("198.51.100.9")), "DUNNO 198.51.100.9 203.0.113.5")
        before = len(self.server.log())
        self.until_logged(lambda: Client(self.unix("nobody")).ended(),
                          f"{self.unix('nobody')}: uid={os.getuid()} pid={os.getpid()} is not in the networks of proxy",
                          before)

    def case_allow_is_asked_of_the_source(self):
        equal(self.answer(self.named("STRICT"), line("198.51.100.9")), "DUNNO 198.51.100.9 203.0.113.5")
        equal(self.answer(self.named("STRICT"), block("2001:db8::9")), "DUNNO 2001:db8::9 203.0.113.5")
        for address, first, said in (
                (self.named("STRICT"), line("203.0.113.9"), "client 203.0.113.9 via 127.0.0.2"),
                (self.named("STRICT"), block("2001:db9::9"), "client 2001:db9::9 via 127.0.0.2"),
                (self.named("STRICT"), b"PROXY UNKNOWN\r\n", "client 127.0.0.2"),
                (self.unix("believed"), line("198.51.100.8"), "client 198.51.100.8 via uid=")):
            before = len(self.server.log())
            said = self.until_logged(lambda: Client(address, first + encode()).ended(), f"warning: {said}", before)
            contains(said, "it is not in allow")
            contains(said, f" on {address}: ")

    def case_allow_is_not_asked_of_the_proxys_own_connections(self):
        equal(self.answer(self.named("STRICT"), LOCAL), "DUNNO 127.0.0.2 203.0.113.5")

    def case_a_listener_without_proxy_takes_no_header(self):
        equal(self.answer(self.named("PLAIN"), b"", source="127.0.0.1"), "DUNNO 127.0.0.1 203.0.113.5")
        before = len(self.server.log())
        Client(self.named("PLAIN"), line("198.51.100.9"), source="127.0.0.1").ended()
        self.wait_log("client 127.0.0.1 on", before)

    # -- what is refused -------------------------------------------------

    def case_without_a_header_nothing_is_answered(self):
        for first, said in ((encode(), "no PROXY header"), (b"\x16\x03\x01\x02", "no PROXY header"),
                            (b"PROXY TCP4 198.51.100.9 192.0.2.1 1 99999\r\n", "bad port"),
                            (SIGNATURE + b"\x21\x11\xff\xff", "over 4096 bytes"),
                            (block("198.51.100.9", more=b"\x03\0\x04wxyz") + encode(), "checksum is wrong")):
            before = len(self.server.log())
            Client(self.tcp, first).ended()
            contains(self.wait_log(said, before), f"client 127.0.0.2 on {self.tcp}: ")

    def case_a_proxy_that_sends_nothing_is_closed_in_time(self):
        for part in (b"", b"PROXY TCP4 198.51", SIGNATURE):
            before, began = len(self.server.log()), time.monotonic()
            Client(self.named("STRICT"), part).ended()
            took = time.monotonic() - began
            assert 0.25 < took < 8, took
            self.wait_log("no whole PROXY header in time", before)

    def case_a_check_that_only_connects_is_no_line_in_the_log(self):
        before = len(self.server.log())
        for _ in range(5):
            Client(self.tcp).close()
        Client(self.tcp, LOCAL).close()
        equal(self.answer(self.tcp, line("198.51.100.9")), "DUNNO 198.51.100.9 203.0.113.5")
        self.server.wait_line(peer="198.51.100.9")
        equal([each for each in self.server.log()[before:].splitlines() if "client 127" in each], [])

    def case_one_too_many_is_told_so_behind_its_header(self):
        first = Client(self.unix("few"), line("198.51.100.9"))
        equal(first.ask(), "DUNNO 198.51.100.9 192.0.2.1")
        contains(self.answer(self.unix("few"), line("198.51.100.10")), "DEFER_IF_PERMIT 4.3.2 too many")
        first.close()

    def case_a_proxy_that_aborts_in_its_header_harms_nobody(self):
        """With a reset, wherever it is cut."""
        for first in (line("198.51.100.9"), block("198.51.100.9", more=b"\x04\0\x04wxyz"), LOCAL):
            for cut in range(0, len(first) + 1, 3):
                client = Client(self.tcp, first[:cut])
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
        equal(self.answer(self.tcp, line("198.51.100.9")), "DUNNO 198.51.100.9 203.0.113.5")
        equal(self.server.process.poll(), None, "it runs on")

    # -- limits of one peer ----------------------------------------------

    def case_connections_are_counted_for_the_source_that_the_header_names(self):
        address, held = self.named("EACH"), []

        def opened(first, **options):
            client = Client(address, first, **options)
            held.append(client)
            return client.ask()

        for first, peer in ((line("198.51.100.9"), "198.51.100.9"), (block("198.51.100.9"), "198.51.100.9"),
                            (line("198.51.100.10"), "198.51.100.10"), (block("2001:db8::9"), "2001:db8::9"),
                            (line("2001:db8::9", "2001:db8::1"), "2001:db8::9")):
            equal(opened(first), f"DUNNO {peer} 192.0.2.1")
        before = len(self.server.log())
        for first in (line("198.51.100.9"), block("198.51.100.9"), line("::ffff:198.51.100.9", "::1"), block("2001:db8::9")):
            client = Client(address, first, source="127.0.0.3")  # whichever proxy it comes by
            contains(client.ask(), "DEFER_IF_PERMIT 4.3.2 too many of yours")
            client.ended()
        self.wait_log(f"client 198.51.100.9 on {address}: it has more than 2 connections", before)
        equal(opened(line("198.51.100.11")), "DUNNO 198.51.100.11 192.0.2.1")
        equal(opened(line("198.51.100.10")), "DUNNO 198.51.100.10 192.0.2.1")
        held[0].close()
        wait_until(lambda: self.answer(address, line("198.51.100.9")) == "DUNNO 198.51.100.9 203.0.113.5", 10, "it may again")
        for each in held[1:]:
            each.close()

    def case_the_proxys_own_connections_are_not_limited(self):
        held = [Client(self.named("EACH"), LOCAL) for _ in range(5)]
        equal([each.ask() for each in held], ["DUNNO 127.0.0.2 192.0.2.1"] * 5)
        for each in held:
            each.close()

    def case_without_a_proxy_who_connects_is_counted(self):
        first = Client(self.named("ALONE"), source="127.0.0.4")
        equal(first.ask(), "DUNNO 127.0.0.4 192.0.2.1")
        contains(self.answer(self.named("ALONE"), b"", source="127.0.0.4"), "DEFER 4.3.2 one is enough")
        equal(self.answer(self.named("ALONE"), b"", source="127.0.0.5"), "DUNNO 127.0.0.5 203.0.113.5")
        first.close()
        wait_until(lambda: self.answer(self.named("ALONE"), b"", source="127.0.0.4") == "DUNNO 127.0.0.4 203.0.113.5", 10)

    # -- reload and end --------------------------------------------------

    def case_a_reload_may_change_who_may_ask(self):
        rules, held = self.rules(), Client(self.named("STRICT"), line("198.51.100.9"))
        equal(held.ask(), "DUNNO 198.51.100.9 192.0.2.1")
        self.server.write_rules(rules.replace('"198.51.100.0/24"', '"203.0.113.0/24"').replace("proxy = {}",
                                                                                             'proxy = { networks = "127.0.0.2" }'))
        assert self.server.reload()
        equal(held.ask(), "DUNNO 198.51.100.9 192.0.2.1")
        held.close()
        equal(self.answer(self.named("NOBODY"), line("198.51.100.9")), "DUNNO 198.51.100.9 203.0.113.5")
        Client(self.named("STRICT"), line("198.51.100.9") + encode()).ended()
        equal(self.answer(self.named("STRICT"), line("203.0.113.9")), "DUNNO 203.0.113.9 203.0.113.5")
        self.server.write_rules(rules)
        assert self.server.reload()
        Client(self.named("NOBODY")).ended()

    def case_a_proxy_that_waits_does_not_hold_up_the_end(self):
        server = PolicyServer(self.rules().replace(self.ports["PLAIN"], str(free_port()))
                              .replace(self.ports["STRICT"], str(free_port()))
                              .replace(self.ports["NOBODY"], str(free_port()))
                              .replace(self.ports["EACH"], str(free_port()))
                              .replace(self.ports["ALONE"], str(free_port())).replace("timeout = \"300ms\"",
                                                                                      "timeout = \"60s\"")).start()
        try:
            waits = Client(f"inet:127.0.0.1:{server.port}", b"PROXY ")
            equal(self.answer(f"inet:127.0.0.1:{server.port}", LOCAL), "DUNNO 127.0.0.2 203.0.113.5")
            server.process.send_signal(signal.SIGTERM)
            waits.ended()
            equal(server.process.wait(10), 0)
            server.process = None
        finally:
            server.remove()

    def case_a_conversation_on_standard_input_has_no_header(self):
        for address in (self.tcp, self.unix("believed")):
            done = subprocess.run([self.server.program, "-c", self.server.rule_file, "--stdio", address],
                                  input=encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            contains(done.stdout.decode(), "action=DUNNO stdio 192.0.2.1", done.stderr.decode())


if __name__ == "__main__":
    sys.exit(run_cases(Proxy))
