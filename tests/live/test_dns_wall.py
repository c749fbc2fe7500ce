#!/usr/bin/env python3
# live/test_dns_wall.py - how long a mail waits for DNS: as long as the longest chain of look-ups, not the sum
# timeout: 120
#
# Ten lists and SPF with eight includes are asked about each mail, and the name server takes its time for
# each answer: DNS_DELAY milliseconds (50). Both times are printed.
import json
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from dns import NameServer  # noqa: E402
from policy import PolicyClient, PolicyServer  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

DELAY = int(os.environ.get("DNS_DELAY") or 50)  # ms
MAILS = 5
LISTS = [f"z{number}.example.org" for number in range(10)]
RULES = """
server { name = "mx1", loops = 1, deadline = "60s", modules = { "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "5s", tries = 1 }
lists = check.dnsbl { zones = { @ZONES@ }, threshold = 5, keep = "0s", linger = "5s", self_test = "0s" }
sender = check.spf { keep = "0s" }
function incoming(req)
    local listed, spf = lists(req), sender(req)
    return info(("%s %g %s %d"):format(listed.word, listed.score, spf.word, spf.lookups))
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""
# All eight at once, and each within the one before it.
SIDE_BY_SIDE = {"beside.example.net TXT": "v=spf1 " + " ".join(f"include:i{i}.example.net" for i in range(8)) + " -all",
                **{f"i{i}.example.net TXT": "v=spf1 ip4:203.0.113.0/24 -all" for i in range(8)}}
NESTED = {"nested.example.net TXT": "v=spf1 include:n0.example.net -all",
          **{f"n{i}.example.net TXT": f"v=spf1 include:n{i + 1}.example.net -all" for i in range(7)},
          "n7.example.net TXT": "v=spf1 ip4:203.0.113.0/24 -all"}
LISTED = {f"9.100.51.198.{zone}": "127.0.0.2" for zone in LISTS[:2]}


class Wall:
    def start(self):
        self.names = NameServer({**SIDE_BY_SIDE, **NESTED, **LISTED}, delay=DELAY / 1000)
        zones = ", ".join(f'["{zone}"] = 1' for zone in LISTS)
        self.server = PolicyServer(RULES.replace("@DNS@", self.names.address).replace("@ZONES@", zones))
        self.server.start()

    def stop(self):
        status = self.server.remove()
        self.names.stop()
        equal(status, 0, "exit status of ppolicyd")

    def explain(self):
        return self.server.log()[-3000:]

    def sum_of_look_ups(self):
        """Milliseconds that all look-ups have taken, as the server counts them, and how many these were."""
        row = json.loads(self.server.ctl("--json", "status").splitlines()[0])["dns"]
        count = row["found"] + row["nxdomain"] + row["nodata"]
        equal(row["look_ups"], count, "look-ups that were answered")
        return (row["mean_ms"] or 0) * count, count

    def mail(self, sender):
        """Milliseconds that a mail waits."""
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        began = time.monotonic()
        reply = client.ask(client_address="198.51.100.9", sender=f"a@{sender}")
        wall = (time.monotonic() - began) * 1000
        client.close()
        equal(reply, "INFO clean 2 fail 8")
        return wall

    def measure(self, what, sender, chain):
        """chain: how many look-ups wait for each other."""
        self.names.forget()
        before, count_before = self.sum_of_look_ups()
        walls = [self.mail(sender) for _ in range(MAILS)]
        after, count = self.sum_of_look_ups()
        each, total = (count - count_before) / MAILS, (after - before) / MAILS
        wall = statistics.median(walls)
        note(f"ten lists, SPF with eight includes {what}: {each:g} look-ups of {DELAY} ms each")
        note(f"  together they take {total:.0f} ms; the longest chain of {chain} takes {chain * DELAY} ms; "
             f"the mail waits {wall:.1f} ms ({min(walls):.1f} to {max(walls):.1f})")
        equal(each, 19)
        equal(len(self.names.asked), 19 * MAILS)
        assert total >= 19 * DELAY, total
        # An answer never comes before its delay; what a busy machine adds is no chain.
        assert min(walls) >= chain * DELAY - 1, walls
        assert min(walls) < (chain + 3) * DELAY < total, (walls, total)

    def case_includes_side_by_side_take_two_look_ups(self):
        self.measure("side by side", "beside.example.net", 2)

    def case_includes_within_each_other_take_nine_and_the_lists_nothing(self):
        self.measure("within each other", "nested.example.net", 9)


if __name__ == "__main__":
    sys.exit(run_cases(Wall))
