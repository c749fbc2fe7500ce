#!/usr/bin/env python3
# test_dynamic_host.py - the patterns that are installed, and their file changing under a running server
# timeout: 120
import ipaddress
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import ROOT, PolicyClient, PolicyServer, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

INSTALLED = os.path.join(ROOT, "modules", "dynamic_host", "patterns.txt")
EXAMPLES = re.compile(r"(^|\.)(example(\.(net|org|com|co\.uk))?|localhost)$")
DOCUMENTATION = [ipaddress.ip_network(text) for text in
                 ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]

RULES = """
server { name = "mx1", loops = 2, modules = { "@MODULES@" } }
pool = check.dynamic_host { patterns = "patterns.txt" }
whole = check.dynamic_host {}
function incoming(req)
    return dunno(pool(req).word .. " " .. pool(req).text .. "; " .. whole(req).word)
end
listen("inet:127.0.0.1:@PORT@", incoming)
"""
ENTRY = "dynamic host /^line/ a line of ours\n    match line-7.example.net\n"


def entries():
    """Each entry of the installed file: (number, comment above it, its tests)."""
    found, comment = [], []
    with open(INSTALLED, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if not words:
                comment = []
            elif words[0].startswith("#"):
                comment.append(line)
            elif words[0] in ("dynamic", "static"):
                found.append((number, comment, []))
            elif words[:2] != ["no", "entry"]:
                found[-1][2].append(words[0])
    return found


def names():
    """Each name to try, with its address or None."""
    with open(INSTALLED, encoding="ascii") as file:
        for line in file:
            test = re.match(r"\s*(?:no )?(?:match|entry)\s+(\S+)(?:\s+([0-9a-f.:]+))?\s*(?:#.*)?$", line)
            if test:
                yield test[1], test[2]


class DynamicHost:
    def start(self):
        self.server = PolicyServer(RULES)
        self.write(ENTRY)
        self.server.start()

    def stop(self):
        self.server.remove()

    def explain(self):
        return self.server.log()[-3000:]

    def write(self, text):
        path = os.path.join(self.server.folder, "patterns.txt")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def ask(self, name):
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        try:
            return client.ask(client_name=name)
        finally:
            client.close()

    def logs(self, text):
        wait_until(lambda: text in self.server.log(), 30, f"the log says {text}")

    def case_each_entry_says_where_it_is_from_and_has_names_for_and_against_it(self):
        found = entries()
        assert len(found) > 15, found
        for number, comment, tests in found:
            assert comment, f"line {number} has no comment above it"
            assert "match" in tests and "no" in tests, f"line {number} has {tests}"

    def case_the_names_in_the_file_are_nobody_s(self):
        tried = list(names())
        assert len(tried) > 150, len(tried)
        for name, address in tried:
            assert EXAMPLES.search(name.lower()), name
            if address is not None:
                assert any(ipaddress.ip_address(address) in network for network in DOCUMENTATION), address

    def case_a_file_is_read_anew_and_a_faulty_one_changes_nothing(self):
        contains(self.ask("line-7.example.net"), "dynamic line-7.example.net looks dynamic: a line of ours (patterns.txt:1); ")
        contains(self.ask("dsl-7.example.net"), "static nothing in dsl-7.example.net looks dynamic; dynamic")
        self.write(ENTRY.replace("line/", "link/"))
        self.logs("patterns.txt:2: match line-7.example.net: line 1 does not match it; what was read before stays (entries: 1)")
        contains(self.ask("line-7.example.net"), "dynamic line-7.example.net looks")
        self.write(ENTRY + "static host /^dsl/ not so\n")
        self.logs("patterns.txt: read anew (entries: 2)")
        contains(self.ask("dsl-7.example.net"), "static dsl-7.example.net looks static: not so (patterns.txt:3)")
        os.unlink(os.path.join(self.server.folder, "patterns.txt"))
        self.logs("patterns.txt: cannot be read: No such file or directory; what was read before stays (entries: 2)")
        contains(self.ask("line-7.example.net"), "dynamic line-7.example.net looks")
        self.write(ENTRY + "static host /^dsl/ not so\n")
        self.logs("patterns.txt: good again (entries: 2)")

    def case_a_reload_with_a_faulty_file_is_refused(self):
        self.write("dynamic host /(/ why\n")
        self.server.write_rules(RULES.replace("mx1", "mx2").replace('"patterns.txt" }', '"patterns.txt", keep = "1s" }'))
        equal(self.server.reload(check=False), False)
        contains(self.server.log(), "patterns.txt:1: /(/: ")
        contains(self.ask("line-7.example.net"), "dynamic line-7.example.net looks")


if __name__ == "__main__":
    sys.exit(run_cases(DynamicHost))
