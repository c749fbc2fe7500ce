#!/usr/bin/env python3
# test_dnsbl.py - lists in DNS and a running server: self-tests, quarantine, dead DNS, restart
# timeout: 180
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
store { "sqlite", path = "@FOLDER@/answers.db" }
dns { servers = { "@DNS@" }, timeout = "100ms", tries = 2 }
zen = check.dnsbl {
    zones = { ["a.example.org"] = 5, ["b.example.org"] = 2 }, threshold = 5, self_test = "10s",
    keep = KEEP, keep_in = "store", stale = "1h", reason = true, linger = "1s",
}
function incoming(req)
    local a = zen(req)
    return dunno(a.word .. " from " .. a.from .. ": " .. a.text .. " " .. (a.reason or ""))
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""
TESTED = {"2.0.0.127.a.example.org": "127.0.0.2", "2.0.0.127.b.example.org": "127.0.0.2"}
BAD = {"1.2.0.192.a.example.org": ["127.0.0.4", "127.0.0.2"], "1.2.0.192.a.example.org TXT": "See https://a.example.org/",
       "2.2.0.192.b.example.org": "127.0.0.3"}


class Dnsbl:
    def start(self):
        self.names = NameServer({**TESTED, **BAD})
        self.server = PolicyServer(self.rules()).start()

    def stop(self):
        self.server.remove()
        self.names.stop()

    def explain(self):
        return self.server.log()[-6000:]

    # -- what a case needs -----------------------------------------------

    def rules(self, keep='"1s"'):
        return RULES.replace("@DNS@", self.names.address).replace("KEEP", keep)

    def again(self, keep='"1s"'):
        """Another server, which knows nothing; DNS is as in the beginning."""
        self.server.remove()
        self.names.others = "nxdomain"
        self.names.answers.clear()
        self.names.answers.update({**TESTED, **BAD})
        self.server = PolicyServer(self.rules(keep)).start()

    def ask(self, address, state="RCPT"):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return client.ask(client_address=address, protocol_state=state)[len("DUNNO "):]
        finally:
            client.close()

    def lists(self):
        """Zone -> what status says of it."""
        rows = [json.loads(line) for line in self.server.ctl("--json", "dnsbl", "status").splitlines()]
        return {row["zone"]: row for row in rows}

    def wait_state(self, zone, state, seconds=40):
        wait_until(lambda: self.lists()[zone]["state"] == state, seconds, f"{zone} is {state}")

    def said(self, text):
        """How often the log has it."""
        return self.server.log().count(text)

    # -- cases -----------------------------------------------------------

    def case_lists_are_asked_and_say_why(self):
        equal(self.ask("192.0.2.1"), "listed from asked: 192.0.2.1: 5 of 5 points: a.example.org +5 (127.0.0.4, 127.0.0.2) "
              "See https://a.example.org/")
        contains(self.ask("192.0.2.2"), "clean from asked: 192.0.2.2: 2 of 5 points: b.example.org +2 (127.0.0.3)")
        contains(self.ask("192.0.2.3"), "clean from asked: 192.0.2.3: 0 of 5 points")
        contains(self.ask("2001:db8::1"), "2001:db8::1: 0 of 5 points")
        contains(self.ask("10.0.0.1"), "none from asked")
        equal("2.2.0.192.a.example.org" in self.names.asked, True)

    def case_they_are_tested_at_start_and_by_schedule(self):
        self.wait_state("a.example.org", "good")
        row = self.lists()["b.example.org"]
        equal((row["state"], row["ipv6"], row["broken"], row["failed"]), ("good", "no", 0, 0))
        equal((row["asked"], row["listed"]), (4, 1))
        contains(row["tested"], time.strftime("%Y-", time.gmtime()))
        for name in ("2.0.0.127", "1.0.0.127", "2.0.0.0.0.0.f.7.f.f.f.f" + 20 * ".0", "1.0.0.0.0.0.f.7.f.f.f.f" + 20 * ".0"):
            equal(name + ".a.example.org" in self.names.asked, True, name)
        equal([name for name in self.names.asked if name.startswith(("test.", "invalid."))], [])
        self.names.asked.clear()
        wait_until(lambda: "1.0.0.127.b.example.org" in self.names.asked, 40, "another test")
        text = self.server.ctl("dnsbl", "status")
        contains(text, "a.example.org")
        contains(text, "good")

    def case_a_list_that_lists_everybody_is_quarantined_once_and_comes_back(self):
        self.again()
        self.wait_state("a.example.org", "good")
        contains(self.ask("192.0.2.1"), "listed")
        self.names.answers["1.0.0.127.a.example.org"] = "127.0.0.2"
        contains(self.server.ctl("dnsbl", "test"), "quarantined")
        contains(self.ask("192.0.2.1"), "clean from asked: 192.0.2.1: 0 of 5 points")
        contains(self.ask("192.0.2.2"), "2 of 5 points")
        contains(self.lists()["a.example.org"]["reason"], "it lists 127.0.0.1")
        for _ in range(3):
            self.server.ctl("dnsbl", "test")
        self.server.reload()
        equal(self.lists()["a.example.org"]["state"], "quarantined")
        equal(self.said("warning: dnsbl: a.example.org: quarantined: it lists 127.0.0.1"), 1)
        self.names.answers["1.0.0.127.a.example.org"] = "nxdomain"
        self.wait_state("a.example.org", "good")
        contains(self.ask("192.0.2.1"), "listed from asked")
        equal((self.said(": quarantined: "), self.said("dnsbl: a.example.org: in service again")), (1, 1))

    def case_a_list_that_refuses_us_is_said_once_counted_and_tested_at_once(self):
        self.again()
        self.wait_state("b.example.org", "good")
        for last in range(20, 25):
            self.names.answers[f"{last}.2.0.192.a.example.org"] = "127.255.255.254"
            contains(self.ask(f"192.0.2.{last}"), "unknown from asked")
        equal(self.said("a.example.org: it says 127.255.255.254 of 192.0.2.2"), 1)
        equal(self.lists()["a.example.org"]["broken"], 5)
        self.names.answers["2.0.0.127.a.example.org"] = "127.255.255.254"
        self.wait_state("a.example.org", "quarantined")
        contains(self.ask("192.0.2.20"), "clean from asked: 192.0.2.20: 0 of 5 points")
        contains(self.lists()["a.example.org"]["reason"], "it says 127.255.255.254 of 127.0.0.2: it is broken, or refuses")
        self.names.answers["1.0.0.127.b.example.org"] = "127.255.255.254"
        self.server.ctl("dnsbl", "test")
        contains(self.lists()["b.example.org"]["reason"], "it says 127.255.255.254 of 127.0.0.1: it is broken, or refuses")

    def case_dead_dns_changes_no_answer_and_quarantines_nobody(self):
        self.again()
        self.wait_state("b.example.org", "good")
        for address, word in (("192.0.2.1", "listed"), ("192.0.2.3", "clean")):
            contains(self.ask(address), word + " from asked")
        for how in ("silent", "servfail"):
            self.names.answers.clear()
            self.names.others = how
            time.sleep(1.1)
            contains(self.ask("192.0.2.1"), "listed from stale")
            contains(self.ask("192.0.2.3"), "clean from stale")
            contains(self.ask("192.0.2.7"), "unknown from asked: 192.0.2.7: 0 of 5 points; missing: a.example.org")
        self.server.ctl("dnsbl", "test")
        row = self.lists()["a.example.org"]
        equal(row["state"], "good")
        contains(row["reason"], "no answer to its self-test (SERVFAIL)")
        equal(self.said("quarantined"), 0)
        for _ in range(3):
            self.server.ctl("dnsbl", "test")
        equal(self.said("no answer to the self-test of a.example.org (SERVFAIL), b.example.org (SERVFAIL)"), 1)
        self.names.others = "nxdomain"
        self.names.answers.update({**TESTED, **BAD})
        self.server.ctl("dnsbl", "test")
        equal(self.said("a.example.org: answers its self-test again"), 1)
        contains(self.ask("192.0.2.7"), "clean from asked")

    def case_answers_survive_a_restart_without_dns(self):
        self.again('"50s"')
        contains(self.ask("192.0.2.1"), "listed from asked")
        contains(self.ask("192.0.2.3"), "clean from asked")
        self.server.stop()
        self.names.answers.clear()
        self.names.others = "silent"
        self.server.start()
        contains(self.ask("192.0.2.1"), "listed from store: 192.0.2.1: 5 of 5 points")
        contains(self.ask("192.0.2.3"), "clean from store")
        contains(self.ask("192.0.2.8"), "unknown")

    def case_lists_that_are_not_tested_say_so(self):
        self.again()
        self.server.write_rules(self.rules().replace('self_test = "10s"', 'self_test = "0s"'))
        self.server.reload()
        equal(self.lists()["a.example.org"]["state"], "off")
        done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"), "dnsbl", "test"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        equal(done.returncode, 1)
        contains(done.stdout.decode(), "not tested")


if __name__ == "__main__":
    sys.exit(run_cases(Dnsbl))
