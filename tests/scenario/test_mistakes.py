#!/usr/bin/env python3
# test_mistakes.py - mistakes in rule files: each is named with its place and, where there is one, the cure
# timeout: 60
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import encode, program  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402

TAIL = 'function rule(req) return dunno() end\nlisten("inet:127.0.0.1:10031", rule)\n'

# What stands in the file, and what is said of it.
LOADING = {
    'server { nme = "x" }': "p.lua:1: server: no setting 'nme' (did you mean 'name'?)",
    'server { deadline = 5 }': "p.lua:1: server: deadline: found 5, wanted a duration",
    'server { name = "a b" }': "p.lua:1: server: name: found 'a b', wanted",
    'server { on_error = reject() }': "p.lua:1: server: on_error: found reject, wanted",
    'server { on_error = "clos" }': "found 'clos', wanted an action",
    'server { restriction_classes = { "OK" } }': "restriction_classes: ",
    'server { loops = 1 }\nserver { loops = 2 }': "p.lua:2: server: set twice",
    'store { "mysql" }': "p.lua:1: store: hosts: missing; where the database is",
    'store { "mysql", hosts = {} }': "p.lua:1: store: hosts: missing; where the database is",
    'store { "mysql",\nhosts = { "db1", "db 2" } }': "p.lua:1: store: hosts: found 'db 2', wanted a host such as",
    'store { "mysql", hosts = "db1:0" }': "p.lua:1: store: hosts: found 'db1:0', wanted a host such as",
    'store { "mysql", hosts = "unix:run" }': "p.lua:1: store: hosts: found 'unix:run', wanted a host such as",
    'store { "mysql", hosts = { "db1", "db1" } }': "p.lua:1: store: hosts: 'db1' stands there twice",
    'store { "mysql", hosts = "db1", path = "x" }': "p.lua:1: store: path is for a store of the kind \"sqlite\"; this one is",
    'store { "sqlite", hosts = "db1" }': "p.lua:1: store: hosts is for a store of the kind \"mysql\"; this one is \"sqlite\"",
    'store { "mysql", hosts = "db1", password = "x" }':
        "p.lua:1: store: password: does not belong here",
    'store { "mysql", hosts = "db1", password_file = "none" }': "/none: No such file or directory",
    'store { "mysql", hosts = "db1", password_file = "p.lua" }': "others may read or change it",
    'store { "mysql", hosts = "db1", tls = {} }': "p.lua:1: store: tls: ca: missing; without it nobody vouches for a host",
    'store { "mysql", hosts = "db1", tls = { verfy = 1 } }': "p.lua:1: store: tls: no setting 'verfy' (did you mean 'verify'?)",
    'store { "mysql", hosts = "db1", tls = { ca = "none.pem" } }': "none.pem: No such file or directory",
    'store { "mysql", hosts = "db1", tls = { verify = false, cert = "p.lua" } }': "tls: cert and key are given both, or neither",
    'store { "mysql", hosts = "db1", timeout = "10ms" }': "p.lua:1: store: timeout: found '10ms', wanted at least \"1s\"",
    'store { "mysql", name = "mail" }': "p.lua:1: store: hosts: missing",
    'store { "sqlit" }': "p.lua:1: store: found 'sqlit', wanted \"sqlite\" or \"mysql\" (did you mean 'sqlite'?)",
    'store { 5 }': "p.lua:1: store: found 5, wanted \"sqlite\" or \"mysql\"",
    'store { "sqlite", "x.db" }': "p.lua:1: store: found 'x.db' beside the kind of the database",
    'store { "sqlite",\npth = "x.db" }': "p.lua:2: store: no setting 'pth' (did you mean 'path'?)",
    'store { synchronous = "ful" }': "p.lua:1: store: synchronous: found 'ful'",
    'store { answers = 1 }': "p.lua:1: store: answers: found 1, wanted at least 1000",
    'store { "sqlite" }\nstore { path = "x.db" }': "p.lua:2: store: set twice",
    'store { name = "mail" }': "p.lua:1: store: path: missing",
    'store { name = "store", path = "x.db" }': "p.lua:1: store: name: found 'store', wanted letters",
    'store { name = "a b", path = "x.db" }': "p.lua:1: store: name: found 'a b', wanted letters",
    'store { name = "mail", path = "x.db", answers = 5000 }': "answers is for the store without a name",
    'store { name = "mail", path = "x.db" }\nstore { name = "mail", path = "y.db" }':
        "p.lua:2: store: 'mail' set twice",
    'dns { tries = 0 }': "p.lua:1: dns: tries: found 0, wanted at least 1",
    'dns { timeout = "30s", tries = 10 }': "p.lua:1: dns: timeout, tries: a server that says nothing is asked for "
                                           "30690 seconds",
    'dns { timeout = 500 }': "p.lua:1: dns: timeout: found 500, wanted a duration",
    'dns { servers = { "192.0.2.1", "dns.example.org" } }': "p.lua:1: dns: servers: found 'dns.example.org', "
                                                            "wanted an address",
    'dns {\nservers = { "192.0.2.1:99999" } }': "dns: servers: found '192.0.2.1:99999', wanted an address",
    'dns { servers = {} }': "p.lua:1: dns: servers: the list is empty",
    'dns { server = "192.0.2.1" }': "p.lua:1: dns: no setting 'server' (did you mean 'servers'?)",
    'dns {}\ndns {}': "p.lua:2: dns: set twice",
    'cache { memory = "64" }': "p.lua:1: cache: memory: ",
    'log { to = "sysog" }': "(did you mean 'syslog'?)",
    'c = check.lst { inline = { "x" } }': "p.lua:1: check: no module 'lst' (did you mean 'list'?)",
    'c = check.list { inlin = { "x" } }': "p.lua:1: list: no parameter 'inlin' (did you mean 'inline'?)",
    'c = check.list {\n    inline = { "x" },\n    search = "cird",\n}': "p.lua:3: list: search: found 'cird'",
    'c = check.list { inline = { "x" }, attribute = "sendr" }': "no attribute 'sendr' (did you mean 'sender'?)",
    'c = check.list { inline = { "x" }, keep = 5 }': "keep: found 5, wanted a duration",
    'c = check.list { inline = { "x" }, keep = { fond = "1h" } }': "no word 'fond' among unknown, none, found, absent "
                                                                   "(did you mean 'found'?)",
    'c = check.list { inline = { "x" }, timeout = 5, keep = { fond = "1h" } }': "keep: no word 'fond'",
    'c = check.list { inline = { "x" }, keep_in = "store" }': "keep_in: found 'store'",
    'c = check.sleep { time = "1s", keep = "1h" }': "keep: asking sleep changes something",
    'local a, b = check.list { inline = { "x" } }, check.list { inline = { "y" } }': "the name 'list' is taken by the "
                                                                                     "check of p.lua:1",
    'c = chek.list { inline = { "x" } }': "no such name 'chek' (did you mean 'check'?)",
    'x = req.sender': "no such name 'req'",
    'listen("inet:127.0.0.1:1x", function() end)': "wanted \"inet:ADDRESS:PORT\"",
    'listen("inet:127.0.0.1:1", function() end, { obsrve = true })': "no option 'obsrve' (did you mean 'observe'?)",
    'listen("inet:127.0.0.1:1", function() end, { proxy = true })': "p.lua:1: listen: proxy: found true, wanted a table",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { "192.0.2.1" } })': "listen: proxy: found '192.0.2.1', "
                                                                              "wanted options written as",
    'listen("unix:s.sock", function() end, { proxy = 5 })': "p.lua:1: listen: proxy: found 5, wanted a table",
    'listen("inet:127.0.0.1:1", function() end, { prxy = {} })': "no option 'prxy' (did you mean 'proxy'?)",
    'listen("inet:127.0.0.1:1", function() end, {\nproxy = { network = "192.0.2.1" } })':
        "listen: proxy: no option 'network' (did you mean 'networks'?)",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = "192.0.2.1/24" } })':
        "listen: proxy: networks: found '192.0.2.1/24', wanted the network '192.0.2.0/24'",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = { "192.0.2.1", 5 } } })':
        "listen: proxy: networks: found 5, wanted",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = 5 } })': "listen: proxy: networks: found 5, wanted",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = { "::1", "unix" } } })':
        "listen: proxy: networks: found 'unix', wanted a network",
    'listen("unix:s.sock", function() end, { proxy = { networks = "192.0.2.1" } })':
        "listen: proxy: networks: found '192.0.2.1', wanted \"unix\": a unix socket has no networks",
    'listen("unix:s.sock", function() end, { proxy = { networks = { "unix", "192.0.2.1" } } })':
        "listen: proxy: networks: found {...}, wanted \"unix\"",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = "192.0.2.1", timeout = 3 } })':
        "listen: proxy: timeout: found 3, wanted a duration",
    'listen("inet:127.0.0.1:1", function() end, { proxy = { networks = "192.0.2.1", timeout = "1ms" } })':
        "listen: proxy: timeout: found '1ms', wanted at least \"10ms\"",
    'listen("unix:s.sock", function() end, { allow = "192.0.2.1" })': "allow is for TCP; mode, owner and group",
    'listen("inet:127.0.0.1:1", function() end, { may = { "okay" } })': "may: found 'okay', wanted ok, filter",
    'listen("inet:127.0.0.1:1", function() end, { mode = "0660" })': "mode, owner and group are for unix sockets",
    'include("missing.lua")': "p.lua:1: include: missing.lua: cannot be read",
    'include("p.lua")': "p.lua:1: include: p.lua: it is being loaded",
    'route("policy_contxt", { a = dunno })': "(did you mean 'policy_context'?)",
    'x = reject("4.7.1", "text")': "an enhanced code such as 5.7.1 is wanted",
    'x = reply("521 4.7.1", "text")': "found '521 4.7.1', wanted a reply code",
    'x = reply("250", "text")': "found '250', wanted a reply code",
    'x = prepend("no header")': "prepend: ",
    'x = restriction("no_such_thing")': "restriction: ",
    'local c = check.list{ inline = {"x"} }\nif math.random() < 0.5 then alpha = c else beta = c end\n'
    'for i = 1, 20 do _ENV["g" .. math.random(1000000)] = i end': "declares other things when it is loaded again",
    'x = = 1': "p.lua:1: unexpected symbol",
}

# What a rule does, and what is logged of it.
RUNNING = {
    'return partners(req)': "ends without an action: it returns an answer",
    'return "REJECT"': "ends without an action: it returns a text",
    'partner = 1 return dunno()': "p.lua:3: a rule cannot set the global 'partner'",
    'return dunno(req.sendr)': "a request has no 'sendr' (did you mean 'sender'?)",
    'return dunno(partners(req).fond)': "an answer of 'partners' has no 'fond' (did you mean 'found'?)",
    'return dunno(partners(req, { vlue = 1 }).text)': "no argument 'vlue' (did you mean 'value'?)",
    'return dunno(partners.text)': "'partners' is a check; ask it first",
    'return ok()': 'p.lua:3: ok needs may = { "ok" }',
    'req.sender = 1 return dunno()': "a request cannot be changed",
    'local s = settings s { name = "x" } return dunno()': "server can only be used while the file is loaded",
    'return listen("inet:127.0.0.1:1", rule)': "'listen' can only be used while the file is loaded",
    'note("id", "x") return dunno()': "note: 'id' is a key of the log line already",
    'local t = {1, 2} table.sort(t, function() return nap(req).done end) return dunno()': "cannot be waited for within",
    'error({})': "error() was called with a table",
    'return dunno(nil)': "dunno: found nil, wanted text",
    'return dunno(1)': "dunno: found a number, wanted text",
    'return reject("5.7.1", "a", "b")': "found 3 values",
}


class Mistakes:
    def start(self):
        self.folder = tempfile.mkdtemp(prefix="ppolicyd-mistakes.")

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, text, *arguments, **options):
        with open(os.path.join(self.folder, "p.lua"), "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([program("PPOLICYD", "build/plain/ppolicyd"), "-c", "p.lua", *arguments],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, **options)

    def case_each_mistake_in_a_file_is_named(self):
        for text, message in LOADING.items():
            done = self.run(text + "\n" + TAIL, "-t")
            contains(done.stderr.decode(), message, text)
            equal(done.returncode, 78, text)

    def case_all_mistakes_of_a_file_are_told_in_one_run_in_their_order(self):
        lines = self.run('server { nme = 1 }\nc = check.list { x = 1 }\nd = check.lst {}\n' + TAIL, "-t").stderr.decode()
        places = [line.split(":")[1] for line in lines.splitlines() if line.startswith("p.lua:")]
        equal(places, sorted(places))
        equal(len(set(places)), 3, lines)

    def case_each_mistake_of_a_rule_gives_on_error_and_is_logged(self):
        head = ('settings = server partners = check.list { inline = { "x" }, attribute = "sender" } '
                'nap = check.sleep { time = "10ms" }\nfunction rule(req)\n')
        for text, message in RUNNING.items():
            done = self.run(head + text + '\nend\nlisten("inet:127.0.0.1:1", rule, { on_error = defer("4.3.0", "oops") })\n',
                            "--stdio", input=encode())
            contains(done.stderr.decode(), message, text)
            assert done.stdout.startswith(b"action=DEFER 4.3.0 oops; id="), (text, done.stdout)

    def case_a_proxy_without_networks_is_warned_of(self):
        for address in "inet:127.0.0.1:1", "unix:s.sock":
            for networks in "", "networks = {}":
                done = self.run(f'\nlisten("{address}", function() return dunno() end, {{ proxy = {{ {networks} }} }})', "-t")
                equal((done.returncode, done.stderr.decode()), (0, "p.lua:2: warning: listen: proxy has no networks: "
                                                                  f"nobody may connect to {address}\n"))
        for address, networks in (("inet:127.0.0.1:1", '"192.0.2.0/24"'), ("inet:127.0.0.1:1", '{ "::1", "192.0.2.1" }'),
                                  ("unix:s.sock", '"unix"'), ("unix:s.sock", '{ "unix" }')):
            done = self.run(f'listen("{address}", function() return dunno() end, {{ allow = "192.0.2.1", '
                            f'proxy = {{ networks = {networks}, timeout = "1s" }} }})', "-t")
            equal((done.returncode, done.stderr), (0, b""), networks)

    def case_an_error_in_an_included_file_names_that_file(self):
        os.makedirs(os.path.join(self.folder, "sub"), exist_ok=True)
        with open(os.path.join(self.folder, "sub", "inc.lua"), "w", encoding="utf-8") as file:
            file.write('\nfunction make() return check.list { bad = 1 } end\n')
        contains(self.run('include("sub/inc.lua")\nx = make()\n' + TAIL, "-t").stderr.decode(),
                 "sub/inc.lua:2: list: no parameter 'bad'")

    def case_a_stranger_cannot_fill_the_log_with_rule_errors(self):
        done = self.run('function rule(req) error("odd " .. req.sender) end\nlisten("inet:127.0.0.1:1", rule)\n',
                        "--stdio", input=b"".join(encode(sender=f"{n}@example.net") for n in range(50)))
        equal(done.stderr.decode().count("warning: rule rule: p.lua:1: odd"), 1)

    def case_restriction_classes_are_known_while_the_file_is_loaded(self):
        done = self.run('server { restriction_classes = { "greylisting" } }\nlocal wait = restriction("greylisting")\n'
                        'function rule(req) return wait end\n'
                        'listen("inet:127.0.0.1:1", rule, { may = { "restriction" } })\n', "--stdio", input=encode())
        equal(done.stdout, b"action=greylisting\n\n")

    def case_checking_a_file_makes_no_database(self):
        done = self.run('store { "sqlite", path = "new.db" }\nstore { "sqlite", name = "mail", path = "mail.db" }\n' + TAIL,
                        "-t")
        equal((done.returncode, done.stderr), (0, b""))
        equal([name for name in os.listdir(self.folder) if name.endswith(".db")], [])

    def case_a_thousand_checks_are_loaded_in_no_time(self):
        text = "".join(f'c{n} = check.list {{ inline = {{ "x" }}, attribute = "sender" }}\n' for n in range(1000))
        equal(self.run(text + TAIL, "-t").returncode, 0)


if __name__ == "__main__":
    sys.exit(run_cases(Mistakes))
