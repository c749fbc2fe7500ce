#!/usr/bin/env python3
# test_dns_keep.py - how long answers from DNS are good: in memory, in the store, when DNS is away
# timeout: 120
import contextlib
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from policy import PolicyClient, PolicyServer, encode, wait_until  # noqa: E402
from tap import equal, run_cases  # noqa: E402

SHORT = 2  # seconds that are waited for
RULES = """
server { name = "mx1", loops = 1, deadline = "30s", modules = { "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "@TIMEOUT@", tries = 1 }
store { "sqlite", path = "@FOLDER@/state/kept.db" }
plain = check.spf { keep = "10m" }
stale = check.spf { keep = "10m", stale = "1h" }
patient = check.spf { stale = "1h", keep = { pass = "10m", none = "10m", unknown = "1h" } }
byword = check.spf { keep = { pass = "10m", none = "1s" } }
stored = check.spf { keep = "10m", keep_in = "store" }
lasting = check.spf { keep = "10m", keep_in = "store", stale = "1h" }
function incoming(req)
    local checks = { plain = plain, stale = stale, patient = patient, byword = byword, stored = stored,
                     lasting = lasting }
    local answer = checks[req:attribute("which")](req)
    return info(answer.word .. " " .. answer.from)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""
PASS, FAIL = "v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 -all"


class Keep:
    def start(self):
        self.names = NameServer({})
        self.server = PolicyServer(self.rules("1s"))
        self.server.start()

    def stop(self):
        status = self.server.remove()
        self.names.stop()
        equal(status, 0, "exit status of ppolicyd")

    def explain(self):
        return self.server.log()[-3000:]

    def rules(self, timeout):
        return RULES.replace("@DNS@", self.names.address).replace("@TIMEOUT@", timeout)

    def ask(self, which, domain, user="a"):
        """Word, and where the answer is from."""
        return self.ask_all(which, [f"{user}@{domain}"])[0]

    def ask_all(self, which, senders, before_replies=lambda: None):
        """All at once."""
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in senders]
        try:
            for client, sender in zip(clients, senders):
                client.socket.sendall(encode(which=which, sender=sender))
            before_replies()
            return [client.reply()[len("INFO "):] for client in clients]
        finally:
            for client in clients:
                client.close()

    def wait_for(self, which, domain, wanted, always):
        """Until an ask gives what is wanted; until then, it gives what it always does."""

        def is_there():
            got = self.ask(which, domain)
            assert got == wanted or got in always, f"{which} of {domain}: {got}"
            time.sleep(0.05)
            return got == wanted

        wait_until(is_there, 20, f"{which} of {domain} is {wanted}")

    def publish(self, **domains):
        """name=(record, ttl) of name.example.org."""
        self.names.answers = {f"{name}.example.org": {"TXT": record, "ttl": ttl}
                              for name, (record, ttl) in domains.items()}
        self.names.others = "nxdomain"

    def fail(self):
        self.names.answers = {}
        self.names.others = "servfail"

    def status(self, part="dns"):
        rows = [json.loads(line) for line in self.server.ctl("--json", "status").splitlines()]
        return rows[0]["dns"] if part == "dns" else next(row for row in rows if row.get("check") == part)

    # -- how long --------------------------------------------------------------------

    def case_an_answer_is_good_as_long_as_the_first_of_its_records(self):
        self.publish(long=(PASS, 300), short=(PASS, SHORT), part=("v=spf1 include:short.example.org -all", 300),
                     never=(PASS, 0))
        for name in ("long", "short", "part", "never"):
            equal(self.ask("plain", f"{name}.example.org"), "pass asked", name)
        for name in ("long", "short", "part"):
            equal(self.ask("plain", f"{name}.example.org"), "pass memory", name)
        equal(self.ask("plain", "never.example.org"), "pass asked")
        self.names.forget()
        for name in ("short", "part"):
            self.wait_for("plain", f"{name}.example.org", "pass asked", ("pass memory",))
        equal(self.ask("plain", "long.example.org"), "pass memory")
        assert "long.example.org" not in self.names.asked, self.names.asked

    def case_that_there_is_nothing_is_good_as_long_as_its_zone_says(self):
        self.publish()
        self.names.negative = None
        equal(self.ask("plain", "unsaid.example.org"), "none asked")
        equal(self.ask("plain", "unsaid.example.org"), "none asked", "no SOA record")
        self.names.negative = SHORT
        self.names.answers = {"empty.example.org": "192.0.2.1"}
        for name in ("gone", "empty"):
            equal(self.ask("plain", f"{name}.example.org"), "none asked", name)
            equal(self.ask("plain", f"{name}.example.org"), "none memory", name)
        for name in ("gone", "empty"):
            self.wait_for("plain", f"{name}.example.org", "none asked", ("none memory",))

    def case_words_have_times_of_their_own(self):
        self.publish(long=(PASS, 300))
        self.names.negative = 300
        equal(self.ask("byword", "long.example.org"), "pass asked")
        equal(self.ask("byword", "gone.example.org"), "none asked")
        self.wait_for("byword", "gone.example.org", "none asked", ("none memory",))
        equal(self.ask("byword", "long.example.org"), "pass memory")

    # -- when DNS is away ---------------------------------------------------------------

    def case_what_is_known_serves_while_dns_is_away_and_ends_when_it_is_back(self):
        self.publish(yes=(PASS, SHORT), no=(FAIL, SHORT))
        for which in ("stale", "plain"):
            equal((self.ask(which, "yes.example.org"), self.ask(which, "no.example.org")),
                  ("pass asked", "fail asked"), which)
        self.fail()
        self.wait_for("stale", "yes.example.org", "pass stale", ("pass memory",))
        self.wait_for("stale", "no.example.org", "fail stale", ("fail memory",))
        self.wait_for("plain", "yes.example.org", "unknown asked", ("pass memory",))
        self.wait_for("plain", "no.example.org", "unknown asked", ("fail memory",))
        self.publish(yes=(FAIL, SHORT), no=(PASS, SHORT))
        equal((self.ask("stale", "yes.example.org"), self.ask("stale", "no.example.org")),
              ("fail asked", "pass asked"))
        # An answer ends what was known, also one that says that there is nothing.
        self.publish()
        self.names.negative = None
        self.wait_for("stale", "yes.example.org", "none asked", ("fail memory",))
        self.fail()
        equal(self.ask("stale", "yes.example.org"), "unknown asked")

    def case_a_server_that_is_away_is_spared_where_unknown_is_kept(self):
        self.publish(yes=(PASS, 1))
        equal(self.ask("patient", "yes.example.org"), "pass asked")
        self.fail()
        self.wait_for("patient", "yes.example.org", "pass stale", ("pass memory",))
        self.names.forget()
        for _ in range(5):
            equal(self.ask("patient", "yes.example.org"), "pass stale")
        equal(self.names.asked, [])

    # -- many at once -------------------------------------------------------------------

    def case_equal_look_ups_under_way_are_one(self):
        self.publish(many=("v=spf1 include:part.example.org -all", 0), part=(PASS, 0))
        self.server.write_rules(self.rules("20s"))
        self.server.reload()
        self.names.forget()
        before, asked_before = self.status(), self.status("plain")
        self.names.held = True

        def release():
            """All have asked, and nobody was answered."""
            wait_until(lambda: self.status()["look_ups"] - before["look_ups"] >= 20, 20, "all have asked")
            time.sleep(0.2)
            equal(self.names.asked, ["many.example.org"])
            self.names.held = False

        # 20 senders, each of which is asked about twice: the second joins the first.
        got = self.ask_all("plain", [f"user{number % 20}@many.example.org" for number in range(40)], release)
        equal(got, ["pass asked"] * 40)
        equal(self.names.questions, [("many.example.org", "TXT"), ("part.example.org", "TXT")])
        after, asked_after = self.status(), self.status("plain")
        equal({key: after[key] - before[key] for key in ("look_ups", "merged", "found", "open")},
              {"look_ups": 40, "merged": 38, "found": 40, "open": 0})
        equal(asked_after["merged"] - asked_before["merged"], 20)

    # -- in the store ---------------------------------------------------------------------

    def case_what_is_kept_in_the_store_outlives_a_restart(self):
        self.publish(good=(PASS, 300), bad=(FAIL, 300), brief=(PASS, SHORT))
        for domain, word in (("good", "pass"), ("bad", "fail")):
            equal(self.ask("stored", f"{domain}.example.org"), f"{word} asked")
            equal(self.ask("plain", f"{domain}.example.org"), f"{word} asked")
        equal(self.ask("lasting", "brief.example.org"), "pass asked")
        equal(self.ask("stored", "brief.example.org"), "pass asked")
        self.wait_for_rows(("stored", "good"), ("stored", "bad"), ("stored", "brief"), ("lasting", "brief"))
        equal(self.server.stop(), 0)
        self.fail()
        self.names.forget()
        self.server.start()
        for domain, word in (("good", "pass"), ("bad", "fail")):
            equal(self.ask("stored", f"{domain}.example.org"), f"{word} store")
            equal(self.ask("stored", f"{domain}.example.org"), f"{word} memory")
        equal(self.names.asked, [])
        equal(self.ask("plain", "good.example.org"), "unknown asked", "this one was in memory only")
        self.wait_for("lasting", "brief.example.org", "pass stale", ("pass store", "pass memory"))
        self.wait_for("stored", "brief.example.org", "unknown asked", ("pass store", "pass memory"))

    def case_also_when_the_server_is_killed(self):
        self.publish(killed=(PASS, 300))
        equal(self.ask("stored", "killed.example.org"), "pass asked")
        self.wait_for_rows(("stored", "killed"))
        self.server.kill()
        self.publish()
        self.server.start()
        equal(self.ask("stored", "killed.example.org"), "pass store")
        equal(self.ask("stored", "never-seen.example.org"), "none asked")

    def wait_for_rows(self, *wanted):
        """Until these answers, as check and domain, are committed."""
        path = os.path.join(self.server.state, "kept.db")

        def are_there():
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
                rows = database.execute("SELECT check_name, key FROM answers").fetchall()
            return all(any(check == name and domain in key for check, key in rows) for name, domain in wanted)

        wait_until(are_there, 20, f"{wanted} are written")


if __name__ == "__main__":
    sys.exit(run_cases(Keep))
