# lib/delegating.py - a ppolicyd that asks other policy servers, which do what a test says
import json

from policy import PolicyClient, PolicyServer
from upstream import Upstream

RULES = """
server {{ name = "mx1", loops = {loops}, deadline = "5s", modules = {{ "@MODULES@" }} }}
{dns}
up = check.delegate {{ servers = {{ {servers} }}, timeout = "4s", {options} }}
function incoming(req)
    local a = up(req)
    note("server", a.server) note("tries", a.tries) note("word", a.word)
    return a:action()
end
listen("inet:127.0.0.1:@PORT@", incoming, {{ {listen} }})
"""


class Delegating:
    """What suites have in common: servers that are asked, and the one that asks them, for each case anew."""

    def start(self):
        self.server = None
        self.upstreams = []

    def stop(self):
        self.end()

    def end(self):
        if self.server is not None:
            self.server.remove()
        self.server = None
        for each in self.upstreams:
            each.stop()
        self.upstreams = []

    def explain(self):
        return self.server.log()[-3000:] if self.server is not None else ""

    def upstream(self, *arguments, **options):
        self.upstreams.append(Upstream(*arguments, **options))
        return self.upstreams[-1]

    def serve(self, servers, options="", default='reply("450 4.7.9", "default")', listen="", dns="", loops=1):
        """Ends what was there; servers is Lua, or a list of Upstreams called a, b, c."""
        if self.server is not None:
            self.server.remove()
        if not isinstance(servers, str):
            servers = ", ".join(f'{{ name = "{"abcdef"[i]}", address = "{each.address}", timeout = "1s" }}'
                                for i, each in enumerate(servers))
        self.server = PolicyServer(RULES.format(servers=servers, options=f"default = {default}, {options}",
                                                listen=listen, dns=dns, loops=loops))
        self.server.start()
        return PolicyClient(f"inet:127.0.0.1:{self.server.port}")

    def fresh(self):
        self.end()

    def show(self):
        rows = self.server.ctl("--json", "upstream", "show").splitlines()
        return {row["server"]: row for row in map(json.loads, rows)}

    def said(self, part):
        return [line for line in self.server.log().splitlines() if part in line]
