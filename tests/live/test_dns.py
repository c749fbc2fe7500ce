#!/usr/bin/env python3
# live/test_dns.py - look-ups all the way, from a policy request to a module: of nsd, of unbound, of a liar
# timeout: 240
#
# Each look-up and what came of it is printed.
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = os.path.join(os.path.dirname(HERE), "lib")
sys.path.insert(0, LIB)

from dns_servers import Nsd, Scripted, Unbound, free_dns_port  # noqa: E402
from module import build_module  # noqa: E402
from policy import PolicyClient, PolicyServer, encode, public_folder  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, deadline = "20s", modules = { "@PROBE@", "@MODULES@" } }
dns { servers = { @DNS@ }, timeout = "500ms", tries = 2 }
probe = check.dns_probe { timeout = "15s" }
spf = check.spf { keep = "0s" }
lists = {}
for zone in ("@ZONES@"):gmatch("%S+") do
    lists[zone] = check.dnsbl { name = (zone:gsub("%W", "_")), zones = { zone }, keep = "0s", self_test = "0s" }
end
function incoming(req)
    local name, kind = req:attribute("name"), req:attribute("kind")
    local list = kind == "DNSBL" and lists[name]
    local answer = kind == "SPF" and spf(req) or list and list(req) or probe(req, { name = name, type = kind })
    return info(answer.word .. " " .. answer.text)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""

HEAD = "$TTL 300\n@ SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 60\n@ NS ns.example.org.\n"


def chain(steps):
    """Aliases c0 to c(steps), the last of which has an address."""
    names = [f"s{steps}-{step}" for step in range(steps + 1)]
    lines = [f"{names[step]} {5 if step == 3 else 300} CNAME {names[step + 1]}" for step in range(steps)]
    return "\n".join(lines + [f"{names[-1]} A 192.0.2.1", ""])


def addresses(name, count):
    return "".join(f"{name} A 198.51.{number >> 8}.{number & 255}\n" for number in range(count))


def texts(name, count):
    return "".join(f'{name} TXT "{number:03}{"x" * 247}"\n' for number in range(count))


ZONES = {
    "example.org": HEAD + r"""
ns A 192.0.2.53
address A 192.0.2.1
six AAAA 2001:db8::1
mail 100 MX 10 mx.mail
mail 100 MX 20 backup
mx.mail A 192.0.2.25
null MX 0 .
text TXT "v=spf1 " "-all"
nul TXT "v=\000-a"
odd PTR a\.b\\\010\128\032.example.org.
zero 0 A 192.0.2.1
a.nothing A 192.0.2.1
*.wild A 192.0.2.2
next CNAME address.example.net.
other CNAME address.liar.example.com.
gone CNAME nxdomain.liar.example.com.
lost CNAME address
lost-target CNAME not-there
moved DNAME wild
""" + f'long TXT {" ".join(["x" * 250] * 60)}\n' + chain(5) + chain(16) + chain(17) + chain(30)
    + addresses("thousand", 1000) + addresses("many", 1001) + texts("texts", 200),
    "example.net": HEAD + "address A 192.0.2.3\n",
    "2.0.192.in-addr.arpa": HEAD + "1 PTR mail.example.org.\n1 PTR other.example.org.\n",
    "8.b.d.0.1.0.0.2.ip6.arpa": HEAD + "1" + ".0" * 23 + " PTR six.example.org.\n",
    "unloaded.example.org": None,
}

SIX = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa"
LONG = "found for 300 s: " + "x" * 40 + "... (15000 bytes)"
THOUSAND = "found for 300 s: 198.51.0.0, 198.51.0.1, 198.51.0.2, ... (1000)"
TEXTS = "found for 300 s: " + ", ".join(f"{number:03}{'x' * 37}... (250 bytes)" for number in range(3)) + \
    ", ... (200)"
# Name, type, what comes of it with nsd, and with unbound before it where that is something else: a
# server that only has zones does not follow an alias to where it has none, a resolver does.
REAL = (
    ("address.example.org", "A", "found for 300 s: 192.0.2.1", None),
    ("ADDRESS.Example.ORG.", "A", "found for 300 s: 192.0.2.1", None),
    ("six.example.org", "AAAA", "found for 300 s: 2001:db8::1", None),
    ("mail.example.org", "MX", "found for 100 s: 10 mx.mail.example.org, 20 backup.example.org", None),
    ("null.example.org", "MX", "found for 300 s: 0 .", None),
    ("text.example.org", "TXT", "found for 300 s: v=spf1 -all", None),
    ("nul.example.org", "TXT", "found for 300 s: v= (NUL, 5 bytes)", None),
    ("example.org", "NS", "found for 300 s: ns.example.org", None),
    ("odd.example.org", "PTR", r"found for 300 s: a\.b\\\010\128\032.example.org", None),
    ("1.2.0.192.in-addr.arpa", "PTR", "found for 300 s: mail.example.org, other.example.org", None),
    (SIX, "PTR", "found for 300 s: six.example.org", None),
    ("zero.example.org", "A", "found for 0 s: 192.0.2.1", None),
    ("any.wild.example.org", "A", "found for 300 s: 192.0.2.2", None),
    ("any.moved.example.org", "A", "found for 300 s: 192.0.2.2", None),
    ("not-there.example.org", "A", "NXDOMAIN for 60 s", None),
    ("lost-target.example.org", "A", "NXDOMAIN for 60 s", None),
    ("address.example.org", "MX", "no data for 60 s", None),
    ("nothing.example.org", "A", "no data for 60 s", None),
    ("lost.example.org", "MX", "no data for 60 s", None),
    ("next.example.org", "A", "found for 300 s: 192.0.2.3", None),
    ("other.example.org", "A", "REFUSED", "found for 300 s: 192.0.2.1"),
    ("gone.example.org", "A", "REFUSED", "NXDOMAIN for 60 s"),
    ("address.example.com", "A", "REFUSED", "SERVFAIL"),
    ("address.unloaded.example.org", "A", "SERVFAIL", None),
    ("s5-0.example.org", "A", "found for 5 s: 192.0.2.1", None),
    ("s16-0.example.org", "A", "found for 5 s: 192.0.2.1", "SERVFAIL"),
    ("s17-0.example.org", "A", "too large an answer", "SERVFAIL"),
    ("s30-0.example.org", "A", "too large an answer", "SERVFAIL"),
    ("long.example.org", "TXT", LONG, None),
    ("texts.example.org", "TXT", TEXTS, None),
    ("thousand.example.org", "A", THOUSAND, None),
    ("many.example.org", "A", "too large an answer", None),
)
# Names that the scripted server says something of, all of which can be asked for at once.
FAULTY = sorted({name.lower().rstrip(".") for name, _, _, alone in Scripted.faults()
                 if not alone and not name.startswith(("second.", "bomb."))})
CLIENT, REVERSED = "198.51.100.9", "9.100.51.198"
WORDS = {"found": "there", "NXDOMAIN": "missing", "no data": "missing"}


def word_of(result):
    """The word that a module answers with."""
    return WORDS.get(re.sub(r" for \d+ s.*", "", result), "unknown")


def row(name, kind, text):
    note(f"{name[:46]:46} {kind:4} {text}")


def is_wanted(got, wanted):
    """Resolvers have kept records for a while."""
    ages = [re.search(r" for (\d+) s", text) for text in (got, wanted)]
    if None in ages:
        return got == wanted
    age, limit = (int(found[1]) for found in ages)
    return re.sub(r" for \d+ s", "", got) == re.sub(r" for \d+ s", "", wanted) and 0 <= limit - age < 60


class Dns:
    def start(self):
        self.started = []
        self.folder = public_folder("ppolicyd-live-dns.")
        build_module(os.path.join(LIB, "dns_probe.c"), self.folder)
        self.nsd = self._begin(Nsd(ZONES))
        self.scripted = Scripted()
        self.unbound = self._begin(Unbound({**{zone: self.nsd.port for zone in (".", *ZONES)},
                                            "liar.example.com": int(self.scripted.address.split(":")[1])}))
        self.server = PolicyServer(self.rules(self.nsd.address))
        self.server.start()

    def stop(self):
        try:
            if hasattr(self, "server"):
                equal(self.server.remove(), 0, "exit status of ppolicyd")
        finally:
            if hasattr(self, "scripted"):
                self.scripted.stop()
            for started in reversed(self.started):
                started.remove()
            shutil.rmtree(self.folder)

    def explain(self):
        return self.server.log()[-3000:]

    def _begin(self, daemon):
        self.started.append(daemon)
        return daemon.start()

    def rules(self, *servers):
        return RULES.replace("@PROBE@", self.folder).replace("@ZONES@", " ".join(FAULTY)).replace(
            "@DNS@", ", ".join(f'"{server}"' for server in servers))

    def use(self, *servers):
        self.server.write_rules(self.rules(*servers))
        self.server.reload()

    def ask_all(self, questions):
        """Answers, as word and text, to requests that are all made at once."""
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in questions]
        try:
            for client, question in zip(clients, questions):
                client.socket.sendall(encode(**question))
            return [client.reply()[len("INFO "):].split(" ", 1) for client in clients]
        finally:
            for client in clients:
                client.close()

    def look_up(self, rows):
        return self.ask_all([{"name": name, "kind": kind} for name, kind in rows])

    def look_one_up(self, name, kind="A"):
        return self.look_up([(name, kind)])[0][1]

    def compare(self, rows):
        """rows: name, type, what is wanted. Prints all of it."""
        wrong = []
        for (name, kind, wanted), (word, got) in zip(rows, self.look_up([row[:2] for row in rows])):
            row(name, kind, f"{word}: {got}")
            if not is_wanted(got, wanted) or word != word_of(wanted):
                wrong.append(f"{name} {kind}: {word}, {got}; wanted: {word_of(wanted)}, {wanted}")
        equal("\n".join(wrong), "")

    # -- servers as they are ---------------------------------------------------------

    def case_what_nsd_has_in_its_zones(self):
        self.compare([(name, kind, wanted) for name, kind, wanted, _ in REAL])

    def case_what_a_resolver_finds_there(self):
        self.use(self.unbound.address)
        self.compare([(name, kind, other or wanted) for name, kind, wanted, other in REAL])

    def case_a_resolver_does_not_hand_on_what_a_liar_says(self):
        """What it cannot use is SERVFAIL, or no answer at all; never that there is nothing."""
        self.use(self.unbound.address)
        true = "found for 300 s: 192.0.2.1"
        assert is_wanted(self.look_one_up("address.liar.example.com"), true)
        rows = [(name, "A") for name in (f"{label}.liar.example.com" for label in (
            "servfail", "refused", "wrong-id", "wrong-question", "garbage", "cut", "loop", "referral"))]
        for (name, kind), (word, got) in zip(rows, self.look_up(rows)):
            row(name, kind, f"{word}: {got}")
            equal(word, "unknown", name)
        assert is_wanted(self.look_one_up("address.liar.example.com"), true)

    # -- a server that does what none should ---------------------------------------------

    def case_each_fault_has_its_own_result(self):
        self.use(self.scripted.address)
        faults = Scripted.faults()
        assert len(faults) >= 60, len(faults)
        self.compare([fault[:3] for fault in faults if not fault[3]])
        for fault in faults:
            if fault[3]:
                self.compare([fault[:3]])

    def case_spf_is_unknown_where_dns_is_and_only_there(self):
        self.use(self.scripted.address)
        answers = self.look_up([(name, "TXT") for name in FAULTY])
        asked = self.ask_all([{"sender": f"a@{name}", "kind": "SPF"} for name in FAULTY])
        self.compare_with(answers, asked, lambda spf, word, got: (spf == "unknown") == (word == "unknown"))
        equal({spf for spf, _ in asked}, {"unknown", "none", "fail"})

    def case_a_client_is_clean_where_dns_says_so_and_only_there(self):
        """Where the list says anything but 127.0.0.2 and the like, it is broken."""
        self.use(self.scripted.address)
        answers = self.look_up([(f"{REVERSED}.{name}", "A") for name in FAULTY])
        asked = self.ask_all([{"name": name, "kind": "DNSBL", "client_address": CLIENT} for name in FAULTY])
        self.compare_with(answers, asked, lambda list_word, word, got: list_word == (
            "clean" if word == "missing" else "unknown"))
        equal({word for word, _ in asked}, {"unknown", "clean"})

    def compare_with(self, answers, asked, is_right):
        """What a module makes of it beside what came of the look-up."""
        wrong = []
        for name, (word, got), (own, text) in zip(FAULTY, answers, asked):
            row(name, "", f"{own}: {text} ({got})")
            if not is_right(own, word, got):
                wrong.append(f"{name}: {got}, but the answer is {own}")
        equal("\n".join(wrong), "")

    # -- servers that come and go ------------------------------------------------------------

    def case_a_server_that_is_away_is_no_answer_and_comes_back_by_itself(self):
        self.use(self.nsd.address)
        equal(self.look_one_up("address.example.org"), "found for 300 s: 192.0.2.1")
        self.nsd.stop()
        equal(self.look_up([("address.example.org", "A"), ("not-there.example.org", "A")]),
              [["unknown", "no server can be reached"]] * 2)
        self.nsd.start()
        equal(self.look_one_up("address.example.org"), "found for 300 s: 192.0.2.1")

    def case_of_several_servers_one_that_answers_is_enough(self):
        for first in (f"127.0.0.1:{free_dns_port()}", self.scripted.address):
            self.use(first, self.nsd.address)
            for name in ("address.example.org", "servfail.example.org", "refused.example.org"):
                got = self.look_one_up(name)
                row(name, "A", f"{got} (of two servers)")
                contains(("found for 300 s: 192.0.2.1", "NXDOMAIN for 60 s"), got)

    def case_status_counts_what_came_of_them(self):
        self.use(self.nsd.address)
        before = self.status()
        for name, kind in [("address.example.org", "A")] * 2 + [
                ("not-there.example.org", "A"), ("address.example.org", "MX"), ("address.example.com", "A"),
                ("address.unloaded.example.org", "A"), ("many.example.org", "A"), ("a..example.com", "A")]:
            self.look_one_up(name, kind)
        grown = {key: value - before[key] for key, value in self.status().items()
                 if isinstance(value, int) and value != before[key]}
        equal(grown, {"look_ups": 8, "found": 2, "nxdomain": 1, "nodata": 1, "refused": 1, "servfail": 1,
                      "too_large": 1, "not_asked": 1})
        contains(self.server.ctl("status"), f"dns: {self.nsd.address}; ")

    def status(self):
        return json.loads(self.server.ctl("--json", "status").splitlines()[0])["dns"]


if __name__ == "__main__":
    sys.exit(run_cases(Dns))
