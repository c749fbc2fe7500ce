#!/usr/bin/env python3
# test_resolve.py - the module resolve of a running server, asking a name server: paths, faults, all at once
# timeout: 120
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 1, modules = { "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "5s", tries = 1 }
confirmed = check.resolve { attribute = "client_address", path = "ip->name->ip", timeout = "20s", keep = "@KEEP@" }
helo = check.resolve { attribute = "helo_name", path = "name->ip->name", timeout = "20s", keep = "@KEEP@" }
mail = check.resolve { attribute = "sender", path = "name->mx->ip", timeout = "20s", keep = "@KEEP@" }
brief = check.resolve { attribute = "recipient", path = "name->ip", timeout = "500ms" }
local function tell(answer)
    return answer.word .. "/" .. (answer.status or "") .. "/" .. (answer.name or "") .. "/" .. (answer.names or "") ..
        "/" .. answer.text
end
function incoming(req)
    local client, name, origin = confirmed(req), helo(req), mail(req)
    if req.recipient then return dunno(tell(brief(req))) end
    return dunno(tell(client) .. "; " .. tell(name) .. "; " .. tell(origin))
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""

RECORDS = {
    "192.0.2.1 PTR": ["other.example.org", "Mail.Example.ORG"], "mail.example.org A": "192.0.2.1",
    "other.example.org A": "203.0.113.1", "other.example.org AAAA": "2001:db8::1",
    "192.0.2.2 PTR": "away.example.org", "away.example.org": "servfail",
    "192.0.2.3 PTR": "other.example.org",
    "2001:db8::4 PTR": "six.example.org", "six.example.org AAAA": "2001:db8::4",
    "example.org MX": ["20 mx2.example.org", "10 MX1.example.org"], "mx1.example.org A": "192.0.2.25",
    "mx2.example.org A": "192.0.2.26", "null.example MX": "0 .",
    "silent.example.org": "silent",
}


def attacked():
    """Thirty names of one address, none of which leads back."""
    zone = {f"n{i}.example.org A": "203.0.113.1" for i in range(30)}
    zone["192.0.2.9 PTR"] = [f"n{i}.example.org" for i in range(30)]
    return zone


class Resolve:
    def start(self):
        self.names = NameServer({**RECORDS, **attacked()})
        self.server = PolicyServer(self.rules(self.names))
        self.server.start()

    def stop(self):
        self.server.remove()
        self.names.stop()

    def explain(self):
        return self.server.log()[-3000:]

    def rules(self, names, keep="0s"):
        return RULES.replace("@DNS@", names.address).replace("@KEEP@", keep)

    def ask(self, **attributes):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return client.ask(**{"recipient": "", **attributes})
        finally:
            client.close()

    def case_paths_are_walked_with_real_answers(self):
        said = self.ask(client_address="192.0.2.1", helo_name="mail.example.org", sender="bob@example.org")
        contains(said, "holds/found/mail.example.org/other.example.org mail.example.org/192.0.2.1 leads to Mail.Example.ORG, 192.0.2.1; ")
        contains(said, "; holds/found/mail.example.org/other.example.org mail.example.org/mail.example.org leads to 192.0.2.1, Mail.Example.ORG; ")
        contains(said, "; holds/found/example.org//example.org leads to MX1.example.org, 192.0.2.25")
        contains(self.ask(client_address="2001:db8::4", helo_name="x", sender=""), "holds/found/six.example.org/")

    def case_nothing_mismatch_null_mx_and_failure_are_told_apart(self):
        said = self.ask(client_address="192.0.2.3", helo_name="none.example.org", sender="bob@null.example")
        contains(said, "fails/mismatch//other.example.org/other.example.org, a name of 192.0.2.3, has another address (203.0.113.1); ")
        contains(said, "; fails/nxdomain///none.example.org has no address (NXDOMAIN); ")
        contains(said, "; fails/null_mx///null.example takes no mail (null MX)")
        said = self.ask(client_address="192.0.2.2", helo_name="away.example.org", sender="bob@away.example.org")
        contains(said, "unknown////A of away.example.org: SERVFAIL; ")
        equal(said.count("unknown/"), 3)

    def case_dns_that_is_silent_is_unknown_when_the_time_of_the_check_is_over(self):
        began = time.monotonic()
        said = self.ask(client_address="192.0.2.1", helo_name="x", sender="", recipient="bob@silent.example.org")
        contains(said, "unknown////address of silent.example.org: DNS took too long")
        assert 0.4 < time.monotonic() - began < 4, time.monotonic() - began

    def case_thirty_names_cost_eleven_look_ups(self):
        del self.names.asked[:]
        said = self.ask(client_address="192.0.2.9", helo_name="[192.0.2.1]", sender="")
        contains(said, "unknown////192.0.2.9 has more than the 10 names that are looked up")
        equal(len(self.names.asked), 11)

    def case_the_look_ups_of_a_level_are_under_way_at_once(self):
        """Two levels of 0.4 s each for three checks: 21 look-ups one by one would be 8 s."""
        slow = NameServer({**RECORDS, **attacked()}, delay=0.4)
        self.server.write_rules(self.rules(slow))
        self.server.reload()
        began = time.monotonic()
        said = self.ask(client_address="192.0.2.9", helo_name="mail.example.org", sender="bob@example.org")
        took = time.monotonic() - began
        equal((said.count("holds/"), said.count("unknown/")), (2, 1))
        assert 0.75 < took < 4, took
        slow.stop()

    def case_what_was_found_is_kept(self):
        self.server.write_rules(self.rules(self.names, keep="1h"))
        self.server.reload()
        first = self.ask(client_address="192.0.2.1", helo_name="mail.example.org", sender="bob@example.org")
        equal(self.ask(client_address="192.0.2.1", helo_name="mail.example.org", sender="al@example.org"), first)
        wait_until(lambda: "checks=[confirmed=holds/memory helo=holds/memory mail=holds/memory]" in self.server.log(),
                   what="the second answer is from memory")


if __name__ == "__main__":
    sys.exit(run_cases(Resolve))
