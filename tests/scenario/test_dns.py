#!/usr/bin/env python3
# test_dns.py - look-ups of a running server: what modules see of them, other servers after a reload, status
# timeout: 120
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from policy import ROOT, PolicyClient, PolicyServer, public_folder  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

MODULE = r"""
#include <ppolicyd/module.h>
struct state { pp_work_t *work; };
static pp_step_t told(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	if (pp_work_state(state->work) != PP_WORK_DONE)
		return pp_unknown(a, "%s", pp_work_error(state->work));
	if (pp_dns_status(state->work) != PP_DNS_FOUND)
		return pp_no(a, "%s", pp_dns_status_name(pp_dns_status(state->work)));
	return pp_yes(a, "%s", pp_dns_text(state->work, 0));
}
static pp_step_t ask(pp_ask_t *a)
{
	struct state *state = pp_state(a);

	state->work = pp_dns(a, PP_DNS_A, pp_attr(a, PP_HELO_NAME));
	return pp_wait(a, told);
}
PP_MODULE(.name = "named", .question = "Has the name an address?", .yes = "named", .no = "nameless",
          .reads = PP_READS(PP_HELO_NAME), .state_size = sizeof(struct state), .ask = ask);
"""

RULES = """
server { name = "mx1", loops = 2, modules = { "@FOLDER@", "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "100ms", tries = 2 }
c = check.named {}
function incoming(req)
    local a = c(req)
    return reject("5.7.1", a.word .. " " .. a.text)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""


class Dns:
    def start(self):
        compiler = os.environ.get("CC", "cc").split()
        if shutil.which(compiler[0]) is None:
            raise Skip("no C compiler")
        self.folder = public_folder("ppolicyd-dns.")
        self.names = NameServer({"good.example.org": "192.0.2.1", "broken.example.org": "servfail",
                                 "silent.example.org": "silent"})
        source = os.path.join(self.folder, "named.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(MODULE)
        subprocess.run(compiler + ["-std=gnu11", "-shared", "-fPIC", "-I", os.path.join(ROOT, "core"), "-o",
                                   os.path.join(self.folder, "named.so"), source], check=True)
        self.server = PolicyServer(self.rules(self.names))
        self.server.start()

    def stop(self):
        self.server.remove()
        self.names.stop()
        shutil.rmtree(self.folder)

    def explain(self):
        return self.server.log()[-3000:]

    def rules(self, names):
        return RULES.replace("@FOLDER@", self.folder).replace("@DNS@", names.address)

    def ask(self, name):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return client.ask(helo_name=name)
        finally:
            client.close()

    def case_what_is_there_and_what_is_not(self):
        contains(self.ask("good.example.org"), "5.7.1 named 192.0.2.1")
        contains(self.ask("none.example.org"), "5.7.1 nameless NXDOMAIN")

    def case_what_could_not_be_found_out_is_unknown(self):
        contains(self.ask("broken.example.org"), "unknown A of broken.example.org: SERVFAIL")
        contains(self.ask("bad..example.org"), "unknown A of bad..example.org: the name has an empty label")
        began = time.monotonic()
        contains(self.ask("silent.example.org"), "unknown A of silent.example.org: no answer in time")
        assert 0.25 < time.monotonic() - began < 3, time.monotonic() - began

    def case_status_tells_of_it(self):
        text = self.server.ctl("status")
        contains(text, f"dns: {self.names.address}; ")
        contains(text, "1 servfail")
        row = json.loads(self.server.ctl("--json", "status").splitlines()[0])["dns"]
        equal(row["servers"], [self.names.address])
        equal((row["found"], row["nxdomain"], row["servfail"], row["timeout"], row["not_asked"], row["open"]),
              (1, 1, 1, 1, 1, 0))

    def case_after_a_reload_other_servers_are_asked(self):
        others = NameServer({"good.example.org": "192.0.2.2"})
        self.server.write_rules(self.rules(others))
        self.server.reload()
        contains(self.ask("good.example.org"), "named 192.0.2.2")
        equal(others.asked, ["good.example.org"])
        others.stop()


if __name__ == "__main__":
    sys.exit(run_cases(Dns))
