#!/usr/bin/env python3
# test_pools.py - providers with many addresses wait once: conf/examples/pools.lua, with figures
#
# A provider has a mail to deliver and sends each try from another of its addresses, six minutes
# after the one before (the table is made six minutes older). How often is it told to come back?
# timeout: 120
import ipaddress
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from policy import ROOT, PolicyClient, PolicyServer  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

EXAMPLE = os.path.join(ROOT, "conf", "examples", "pools.lua")
SIZE = 15
PAUSE = 6 * 60 * 1000


def listed(address):
    """Its name on the allow list."""
    return ipaddress.ip_address(address).reverse_pointer.replace(".ip6.arpa", ".wl.example.org")


def pool(number):
    """Addresses of a provider, each in a network of its own."""
    return [f"2001:db8:{number}:{n}::7" for n in range(SIZE)]


SPF, ALLOWED, NOBODY = pool(1), pool(2), pool(3)
RECORDS = {"pool.example.net TXT": "v=spf1 ip6:2001:db8:1::/48 -all", "2.0.0.127.wl.example.org": "127.0.0.2",
           **{listed(address): "127.0.5.2" for address in ALLOWED + ["::ffff:7f00:2"]}}


class Pools:
    def start(self):
        self.names = NameServer(dict(RECORDS))
        self.server = PolicyServer(self.rules()).start()

    def stop(self):
        self.server.remove()
        self.names.stop()

    def explain(self):
        return self.server.log()[-3000:]

    # -- what a case needs -----------------------------------------------

    def rules(self):
        """The example, on our port and with our DNS."""
        with open(EXAMPLE, encoding="utf-8") as file:
            rules = file.read()
        for pattern, value in ((r"inet:127\.0\.0\.1:10031\",", 'inet:127.0.0.1:@PORT@",'),
                               (r'dns \{ servers = \{ "[^"]*" \}', f'dns {{ servers = {{ "{self.names.address}" }}'),
                               (r"server \{ name", 'server { modules = { "@MODULES@" }, name')):
            rules, count = re.subn(pattern, value, rules)
            equal(count, 1, pattern)
        return rules

    def ask(self, client, sender, recipient="bob@example.org"):
        asking = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return asking.ask(client_address=client, sender=sender, recipient=recipient, helo_name="out.example.net")
        finally:
            asking.close()

    def six_minutes_later(self):
        with sqlite3.connect(os.path.join(self.server.state, "ppolicyd.db"), timeout=10) as database:
            database.execute("UPDATE greylist SET first_seen = first_seen - ?, last_seen = last_seen - ?", (PAUSE, PAUSE))

    def deferred(self, addresses, sender):
        """How often a mail is deferred that tries each of the addresses in turn until it passes."""
        count = 0
        while not self.ask(addresses[count % len(addresses)], sender).startswith("DUNNO"):
            count += 1
            equal(count <= 2 * len(addresses), True, "it passes at all")
            self.six_minutes_later()
        return count

    def late(self, addresses, sender):
        """Of one mail from each of the addresses, sent as the one before has passed, how many had to wait."""
        count = 0
        for address in addresses:
            while not self.ask(address, sender).startswith("DUNNO"):
                count += 1
                self.six_minutes_later()
        return count

    def told(self, who, addresses, sender):
        retries, waits = self.deferred(addresses, "a@" + sender), self.late(addresses, "b@" + sender)
        note(f"{who}: {len(addresses)} addresses in as many networks: one mail, tried from each in turn, is deferred "
             f"{retries} times; of {len(addresses)} mails, one from each, {waits} wait")
        return retries, waits

    # -- cases -----------------------------------------------------------

    def case_a_pool_that_spf_vouches_for_waits_once(self):
        equal(self.told("SPF passes", SPF, "pool.example.net"), (1, 1))

    def case_a_pool_that_an_allow_list_knows_waits_once(self):
        equal(self.told("on the allow list", ALLOWED, "nospf.example.com"), (1, 1))

    def case_a_pool_that_nobody_vouches_for_waits_for_each_network(self):
        equal(self.told("nobody vouches", NOBODY, "other.example.com"), (SIZE, SIZE))

    def case_nobody_rides_on_the_name_of_a_pool(self):
        equal(self.ask(NOBODY[0], "a@pool.example.net").startswith("DEFER_IF_PERMIT"), True)


if __name__ == "__main__":
    sys.exit(run_cases(Pools))
