#!/usr/bin/env python3
# scenario/test_gateways.py - two servers share a database: what a command to one does is noticed by both
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from database import database  # noqa: E402
from policy import PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

NOTICED = 15  # seconds; it takes 1 or 2
RULES = """
server { name = "NAME", loops = 1, modules = { "@MODULES@" } }
STORE
grey = check.greylist { delay = "1s", client_after = 0 }
known = check.list { managed = "known", attribute = "sender", keep = "1h" }
again = check.list { managed = "known", attribute = "sender", keep = "1h" }
mine = check.example { limit = 30, keep = "1h" }
function rule(req)
	local asked = ({ mine = mine, known = known, again = again })[req.queue_id] or grey
	local a = asked(req)
	return info(a.word .. " " .. a.from)
end
listen("inet:127.0.0.1:@PORT@", rule)
"""


class Gateways:
    def start(self):
        self.one, self.two = PolicyServer(RULES.replace("NAME", "mx1")), PolicyServer(RULES.replace("NAME", "mx2"))
        self.store = database(f"{self.one.state}/ppolicyd.db")
        for server in (self.one, self.two):
            with open(server.rule_file, encoding="utf-8") as file:
                rules = file.read()
            server.write_rules(rules.replace("STORE", self.store.settings()))
            server.start()

    def stop(self):
        equal([server.remove() for server in (self.two, self.one)], [0, 0], "exit statuses")

    def explain(self):
        return self.one.log()[-2000:] + self.two.log()[-2000:]

    def ask(self, server, check="", **attributes):
        client = PolicyClient(f"inet:127.0.0.1:{server.port}")
        reply = client.ask(queue_id=check, **attributes)
        client.close()
        return reply[5:]

    def ctl(self, server, *words, status=0):
        done = subprocess.run(
            [server.control, "-s", os.path.join(server.state, "control.sock"), "--json", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        equal(done.returncode, status, done.stderr.decode())
        return [json.loads(line) for line in done.stdout.decode().splitlines()] if status == 0 \
            else done.stderr.decode()

    def kept(self, server, check):
        return sum(row["entries"] for row in self.ctl(server, "cache", "stats")[1:] if row["check"] == check)

    def case_a_drop_is_noticed(self):
        for server in (self.one, self.two):
            self.ask(server, "mine")
            equal(self.ask(server, "mine"), "normal memory")
        equal(self.ctl(self.one, "cache", "drop", "check=mine")[0]["told"], True)
        wait_until(lambda: self.kept(self.two, "mine") == 0, NOTICED, "the other server has dropped it")

    def case_a_drop_may_be_of_one_server_only(self):
        time.sleep(3.5)  # until the drop before was done for the second time
        for server in (self.one, self.two):
            self.ask(server, "mine")
        equal(self.ctl(self.one, "cache", "drop", "check=mine", "on=this")[0],
              {"dropped": 1, "memory": 1, "store": 0, "told": False})
        time.sleep(2.5)
        equal(self.kept(self.two, "mine"), 1)
        contains(self.ctl(self.one, "cache", "drop", "check=mine", "on=some", status=2), "wanted this or all")

    def case_greylist_forget_is_noticed(self):
        self.ask(self.one)
        time.sleep(1.1)
        equal(self.ask(self.two), "pass store")
        equal(self.ask(self.two), "pass memory")
        self.ctl(self.one, "greylist", "forget", "sender=*")
        wait_until(lambda: self.kept(self.two, "grey") == 0, NOTICED, "the other server has dropped it")
        equal(self.ask(self.two), "wait store")

    def case_a_list_is_changed_for_all_checks_of_all_servers(self):
        for server in (self.one, self.two):
            for check in ("known", "again"):
                self.ask(server, check)
                equal(self.ask(server, check), "absent memory")
        self.ctl(self.one, "list", "add", "value=sender@example.net", "check=known")
        for check in ("known", "again"):
            equal(self.ask(self.one, check), "found store")
            wait_until(lambda check=check: self.ask(self.two, check).startswith("found"), NOTICED, "it is noticed")

    def case_a_server_that_starts_later_hears_of_it_too(self):
        """It may have been away only for a moment, and its memory gone; what it hears harms nobody."""
        self.two.stop()
        self.two.start()
        self.ask(self.two, "mine")
        wait_until(lambda: self.kept(self.two, "mine") == 0, NOTICED, "it has heard of the drop")

    def case_a_reload_goes_on_where_it_was(self):
        time.sleep(3.5)
        self.ask(self.two, "mine")
        self.two.reload()
        time.sleep(2.5)
        equal(self.ask(self.two, "mine"), "normal memory")


if __name__ == "__main__":
    sys.exit(run_cases(Gateways))
