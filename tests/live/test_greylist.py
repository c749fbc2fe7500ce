#!/usr/bin/env python3
# live/test_greylist.py - mail through a real Postfix that is greylisted, by two gateways with one database
# timeout: 180
# alone
import json
import os
import re
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyServer  # noqa: E402
from postfix import Postfix  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

DELAY = 2
RULES = """
server { name = "NAME", loops = 2, modules = { "@MODULES@" } }
store { "sqlite", path = "STATE/ppolicyd.db" }
grey = check.greylist { delay = "DELAYs" }

function incoming(req)
	local known = grey(req)
	note("reason", known.reason)
	note("first_seen", known.first_seen)
	if known.wait then return defer_if_permit("4.7.1", known.text) end
	return dunno()
end

listen("inet:127.0.0.1:@PORT@", incoming)
"""
MARK = "DEFAULT-ACTION-FIRED"


def ask(port):
    return (f"check_policy_service {{ inet:127.0.0.1:{port}, {{ timeout = 15s }}, "
            f"{{ default_action = 451 4.3.5 {MARK} }} }}")


class Greylist:
    """Each case has a client network of its own."""

    def start(self):
        self.postfix, self.servers = None, []
        self.first = self._server("first")
        self.second = self._server("second")
        self.postfix = Postfix({server: {"smtpd_recipient_restrictions": ask(self._named(server).port)}
                                for server in ("first", "second")})
        for server in self.servers:
            server.start()
        self.postfix.start()
        with self.postfix.client("first") as smtp:
            if not smtp.ask("XCLIENT ADDR=198.51.100.1").startswith("220"):
                raise Skip("Postfix does not take XCLIENT")

    def stop(self):
        if self.postfix:
            self.postfix.remove()
        for status in [server.remove() for server in reversed(self.servers)]:
            equal(status, 0, "exit status of a server")

    def explain(self):
        return f"-- Postfix:\n{self.postfix.log()[-4000:]}\n" + \
            "\n".join(f"-- ppolicyd:\n{server.log()[-4000:]}" for server in self.servers)

    def _server(self, name):
        server = PolicyServer(RULES.replace("NAME", name).replace("DELAY", str(DELAY)))
        self.servers.append(server)
        with open(server.rule_file, encoding="utf-8") as file:
            rules = file.read()
        server.write_rules(rules.replace("STATE", self.servers[0].state))
        return server

    def _named(self, name):
        return {"first": self.first, "second": self.second}[name]

    def _connect(self, address, service="first"):
        """As a client with this address."""
        smtp = self.postfix.client(service)
        contains(smtp.ask(f"XCLIENT NAME=[UNAVAILABLE] ADDR={address}"), "220 ")
        smtp.greet()
        return smtp

    def _rcpt(self, address, recipient, sender="sender@example.net", service="first"):
        with self._connect(address, service) as smtp:
            return smtp.recipient(recipient, sender)

    def _waits(self, address, recipient, reason, **options):
        """It is deferred, for this reason; the line of the log."""
        reply = self._rcpt(address, recipient, **options)
        contains(reply, f"450 4.7.1 <{recipient}>: Recipient address rejected: greylisted, retry in ")
        server = self._named(options.get("service", "first"))
        line = server.wait_line(id=reply.rpartition("id=")[2])
        equal(line.values["reason"], reason, recipient)
        return line

    def _passes(self, address, recipient, reason, **options):
        contains(self._rcpt(address, recipient, **options), "250 ")
        server = self._named(options.get("service", "first"))
        line = server.wait_line(to=f"<{recipient}>", verb="dunno", address=address)
        equal(line.values["reason"], reason, recipient)
        return line

    def _sleep(self):
        time.sleep(DELAY + 0.05)

    def _tell(self, *words, server=None):
        """Exit status and rows that ppolicyctl greylist prints."""
        server = server or self.first
        done = subprocess.run([server.control, "-s", os.path.join(server.state, "control.sock"), "--json",
                               "greylist", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def _rows(self, *words, **options):
        status, rows = self._tell(*words, **options)
        equal(status, 0, " ".join(words))
        return rows

    def _table(self, column, recipient):
        with sqlite3.connect(f"file:{self.first.state}/ppolicyd.db?mode=ro", uri=True, timeout=10) as database:
            row, = database.execute(f"SELECT {column} FROM greylist WHERE recipient = ?", (recipient,)).fetchall()
        database.close()
        return row[0]

    # -- a mail ------------------------------------------------------------------

    def case_a_new_mail_is_deferred_with_text_and_id(self):
        reply = self._rcpt("198.51.100.2", "one@example.org")
        assert re.fullmatch(r"450 4\.7\.1 <one@example\.org>: Recipient address rejected: "
                            rf"greylisted, retry in {DELAY}s; id=first-\w+", reply), reply
        line = self.first.wait_line(id=reply.rpartition("id=")[2])
        equal((line.verb, line.values["reason"]), ("defer_if_permit", "new"))
        contains(self.postfix.wait_log(line.id), "NOQUEUE: reject: RCPT from unknown[198.51.100.2]")

    def case_asking_again_at_once_leaves_its_first_time(self):
        before = self._table("first_seen", "one@example.org")
        line = self._waits("198.51.100.2", "one@example.org", "early")
        equal(self._table("first_seen", "one@example.org"), before)
        equal(line.values["first_seen"], str(before // 1000))

    def case_after_the_delay_it_is_accepted_and_delivered(self):
        self._sleep()
        with self._connect("198.51.100.2") as smtp:
            contains(smtp.recipient("one@example.org"), "250 ")
            contains(smtp.message("came back"), "250 ")
        self.postfix.wait_mail("came back")
        equal(self.first.wait_line(to="<one@example.org>", verb="dunno").values["reason"], "passed")

    def case_after_kill_9_and_a_start_it_is_known_and_Postfix_carries_on(self):
        self._passes("198.51.100.2", "one@example.org", "passed")
        with self._connect("198.51.100.2") as smtp:
            for number in range(5):
                contains(smtp.recipient("one@example.org"), "250 ", f"before kill {number}")
                self.first.kill()
                self.first.start()
                contains(smtp.recipient("one@example.org"), "250 ", f"after kill {number}")
            contains(smtp.message("after kill"), "250 ")
        self.postfix.wait_mail("after kill")
        line = self.first.wait_line(to="<one@example.org>")
        assert "grey=pass/" in line.line and "grey=pass/memory" not in line.line, line

    def case_what_waits_goes_on_waiting_after_kill_9(self):
        first = self._waits("203.0.113.2", "killed@example.org", "new")
        self.first.kill()
        self.first.start()
        again = self._waits("203.0.113.2", "killed@example.org", "early")
        equal(again.values["first_seen"], first.values["first_seen"])
        self._sleep()
        equal(self._passes("203.0.113.2", "killed@example.org", "passed").values["first_seen"],
              first.values["first_seen"])

    def case_with_a_killed_server_and_no_start_mail_gets_the_default_action(self):
        self.first.kill()
        try:
            contains(self._rcpt("198.51.100.2", "one@example.org"), MARK)
        finally:
            self.first.start()
        contains(self._rcpt("198.51.100.2", "one@example.org"), "250 ")

    # -- who ---------------------------------------------------------------------

    def case_the_network_is_the_client_and_sender_and_recipient_are_folded(self):
        self._waits("198.18.1.5", "two@example.org", "new", sender="Sender+news@Example.NET")
        self._sleep()
        self._passes("198.18.1.250", "Two@example.org", "passed", sender="sender@example.net")
        self._waits("198.18.2.5", "two@example.org", "new")
        self._waits("198.18.1.5", "other@example.org", "new")
        self._waits("198.18.1.5", "two@example.org", "new", sender="other@example.net")

    def case_an_IPv6_network_is_a_client(self):
        try:
            self._waits("IPV6:2001:db8:1:2::5", "six@example.org", "new")
        except AssertionError as error:
            if "no '220 '" in str(error):
                raise Skip("this machine has no IPv6") from error
            raise
        self._sleep()
        contains(self._rcpt("IPV6:2001:db8:1:2:3::6", "six@example.org"), "250 ")
        self._waits("IPV6:2001:db8:1:3::5", "six@example.org", "new")

    def case_the_null_sender_waits_like_another(self):
        line = self._waits("198.18.3.5", "bounced@example.org", "new", sender="")
        equal(line.values["from"], "<>")
        self._waits("198.18.3.5", "another@example.org", "new", sender="")
        self._sleep()
        self._passes("198.18.3.5", "bounced@example.org", "passed", sender="")
        row, = self._rows("list", "sender=<>", "recipient=bounced@example.org")
        equal((row["client"], row["state"], row["passes"]), ("198.18.3.0/24", "passed", 1))

    def case_mail_to_postmaster_passes_at_once(self):
        for recipient in ("postmaster@example.org", "PostMaster@example.org"):
            self._passes("198.18.4.5", recipient, "postmaster")
        self._waits("198.18.4.5", "postmaster.not@example.org", "new")
        equal(len(self._rows("list", "client=198.18.4.5")), 1)

    def case_a_network_of_which_five_passed_is_known(self):
        for number in range(5):
            self._waits("198.18.5.5", f"user{number}@example.org", "new")
        self._sleep()
        for number in range(5):
            self._waits("198.18.5.5", f"early{number}@example.org", "new")
            self._passes("198.18.5.5", f"user{number}@example.org", "passed")
        self._passes("198.18.5.77", "sixth@example.org", "client")
        self._passes("198.18.5.5", "early0@example.org", "client")
        self._waits("198.18.6.5", "sixth@example.org", "new")

    # -- ppolicyctl ----------------------------------------------------------------

    def case_list_shows_what_filters_mean(self):
        self._waits("198.18.7.5", "listed@example.org", "new")
        self._waits("198.18.7.5", "listed@example.org", "early")
        row, = self._rows("list", "client=198.18.7.9")
        equal((row["check"], row["client"], row["sender"], row["recipient"], row["state"], row["asks"], row["passes"]),
              ("grey", "198.18.7.0/24", "sender@example.net", "listed@example.org", "waiting", 2, 0))
        equal(self._rows("list", "recipient=listed@example.org", "sender=sender@example.net"), [row])
        equal(self._rows("list", "client=198.18.7.0/24"), [row])
        equal(len(self._rows("list", "limit=3")), 3)
        equal(self._tell("list", "recipient=nobody@example.org"), (1, []))
        assert len(self._rows("list")) > 10

    def case_release_lets_it_pass_the_next_time(self):
        self._waits("198.18.8.5", "released@example.org", "new")
        equal(self._rows("release", "client=198.18.8.5", "recipient=released@example.org"),
              [{"check": "grey", "released": 1, "matched": 1}])
        equal(self._rows("list", "client=198.18.8.5")[0]["state"], "ready")
        self._passes("198.18.8.5", "released@example.org", "passed")
        equal(self._rows("release", "client=198.18.8.5")[0]["released"], 0)

    def case_forget_makes_it_new_though_memory_held_it(self):
        self._passes("198.18.8.5", "released@example.org", "passed")
        equal(self._rows("forget", "client=198.18.8.5"), [{"check": "grey", "forgotten": 1}])
        self._waits("198.18.8.5", "released@example.org", "new")
        status, _ = self._tell("forget")
        assert status != 0, "forget without a filter"

    def case_stats_counts_what_is_in_the_table(self):
        with sqlite3.connect(f"file:{self.first.state}/ppolicyd.db?mode=ro", uri=True, timeout=10) as database:
            rows, passed, mails = database.execute(
                "SELECT count(*), sum(passes > 0), sum(passes) FROM greylist").fetchone()
        stats, = self._rows("stats")
        equal((stats["rows"], stats["passed"], stats["mails"]), (rows, passed, mails))
        equal(sum(stats[state] for state in ("waiting", "ready", "passed", "expired")), rows)
        assert mails > 10, stats

    # -- two gateways ------------------------------------------------------------------

    def case_what_one_gateway_deferred_passes_at_the_other(self):
        first = self._waits("198.18.9.5", "both@example.org", "new")
        equal(self._waits("198.18.9.5", "both@example.org", "early", service="second").values["first_seen"],
              first.values["first_seen"])
        self._sleep()
        passed = self._passes("198.18.9.5", "both@example.org", "passed", service="second")
        equal(passed.values["first_seen"], first.values["first_seen"])
        self._passes("198.18.9.5", "both@example.org", "passed")

    def case_both_gateways_show_the_same_rows(self):
        seen = [sorted((row["client"], row["sender"], row["recipient"], row["state"], row["asks"], row["passes"])
                       for row in self._rows("list", server=server)) for server in self.servers]
        equal(seen[0], seen[1])
        self._waits("198.18.10.5", "gone@example.org", "new", service="second")
        equal(self._rows("forget", "client=198.18.10.5")[0]["forgotten"], 1)
        self._waits("198.18.10.5", "gone@example.org", "new", service="second")

    def case_one_gateway_is_killed_and_the_other_goes_on(self):
        self._waits("198.18.11.5", "alone@example.org", "new")
        self.first.kill()
        try:
            self._waits("198.18.11.5", "alone@example.org", "early", service="second")
            self._waits("198.18.11.5", "more@example.org", "new", service="second")
        finally:
            self.first.start()
        self._sleep()
        self._passes("198.18.11.5", "more@example.org", "passed")
        self._passes("198.18.11.5", "alone@example.org", "passed")

    # -- the end -----------------------------------------------------------------------

    def case_nothing_is_wrong_in_the_logs(self):
        for server in self.servers:
            for line in server.log().splitlines():
                if re.search(r"^(error|critical): |Sanitizer|runtime error: |^warning: store", line):
                    raise AssertionError(line)
            assert "grey=unknown" not in server.log()
        for line in self.postfix.log().splitlines():
            if MARK in line and "one@example.org" not in line:
                raise AssertionError(line)


if __name__ == "__main__":
    sys.exit(run_cases(Greylist))
