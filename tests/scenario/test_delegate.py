#!/usr/bin/env python3
# test_delegate.py - other policy servers asked: what they get, what is handed on, and what happens when they fail
# timeout: 240
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dns import NameServer  # noqa: E402
from load import Load  # noqa: E402
from policy import PolicyClient, PolicyServer, encode, public_folder, wait_until  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402
from upstream import Upstream  # noqa: E402

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


class Delegate:
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

    # -- what is passed on ----------------------------------------------------

    def case_all_attributes_go_on_as_they_came(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '0s'")
        raw = (b"request=smtpd_access_policy\nprotocol_state=RCPT\nodd_name=x=y z\nsize=\nhelo_name=" + b"h" * 4000 +
               b"\nsender=\xc3\xa4=\xff@example.net\nodd_name=again\nccert_subject= leading\n\n")
        client.socket.sendall(raw)
        equal(client.reply(), "DUNNO")
        equal(a.requests, [raw])

    def case_the_text_form_is_hapolicys_and_its_timeouts_are_cut_to_what_there_is(self):
        self.fresh()
        a = self.upstream(lambda *_: None)
        for form, priority, weight, cut in (("", 10, 1, True), (":7", 7, 1, True), (":7:3", 7, 3, True), (":7:3:30", 7, 3, True),
                                            (":7:3:1", 7, 3, False), (":7:3:500ms", 7, 3, False), ("::3:", 10, 3, True)):
            client = self.serve(f'"a={a.address}{form}"', "inter = '0s', timeout = '1200ms'")
            row = self.show()["a"]
            equal((row["priority"], row["weight"]), (priority, weight), form)
            said = self.said("delegate: the timeout of a is over what an ask may take, so it is cut to 1.2 s")
            equal(len(said), 1 if cut else 0, form)
            began = time.monotonic()
            contains(client.ask(), "450 4.7.9 default")
            took = time.monotonic() - began
            equal((0.4 if form.endswith("ms") else 0.9) < took < 3, True, f"{form}: after {took:.2f} s")

    def case_tries_end_before_the_ask_does_and_that_before_the_request(self):
        """As many servers as there is time for; then it is the default."""
        self.fresh()
        servers = [self.upstream(lambda *_: None) for _ in range(4)]
        client = self.serve(servers, "inter = '0s', timeout = '2500ms', retry = 'unanswered'")
        began = time.monotonic()
        contains(client.ask(), "450 4.7.9 default")
        took = time.monotonic() - began
        equal(2.4 < took < 4.5, True, f"after {took:.2f} s, the deadline is 5 s")
        equal(sorted(len(each.requests) for each in servers), [0, 1, 1, 1])

    def case_connections_are_kept_alive_and_one_that_can_be_read_is_dropped(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '0s'")
        for _ in range(20):
            equal(client.ask(), "DUNNO")
        equal(a.connections, 1, "connections")
        a.open[0].sendall(b"action=REJECT late\n\n")
        time.sleep(0.3)
        equal(client.ask(), "DUNNO")
        equal(a.connections, 2, "connections")

    def case_an_idle_connection_that_the_server_ended_costs_nothing(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '0s'")
        equal(client.ask(), "DUNNO")
        a.drop()
        equal(client.ask(), "DUNNO")
        equal(self.show()["a"]["failed"], 0)

    def case_any_anomaly_ends_its_connection_and_reaches_no_other_request(self):
        """Each in turn; the server says REJECT in what is wrong, and DUNNO afterwards."""
        def close_after(part):
            def does(_, connection):
                connection.sendall(part)
                connection.shutdown(2)
            return does

        def late(_, connection):
            time.sleep(1.4)
            connection.sendall(b"action=REJECT late\n\n")

        wrong = {
            "garbage": b"HTTP/1.1 400 Bad Request\n\n",
            "no action": b"foo=bar\n\n",
            "an empty action": b"action=\n\n",
            "a blank action": b"action=  \n\n",
            "carriage returns": b"action=REJECT x\r\n\r\n",
            "a NUL": b"action=REJECT\0x\n\n",
            "an endless line": b"action=REJECT " + b"x" * 5000,
            "many lines": b"a=b\n" * 2000,
            "half a reply": close_after(b"action=REJECT x\n"),
            "no reply": close_after(b""),
            "no answer": lambda *_: None,
            "a late reply": late,
        }
        for name, does in wrong.items():
            self.fresh()
            a = self.upstream("DUNNO")
            client = self.serve([a], "inter = '0s', error_limit = 1000, fall = 100")
            equal(client.ask(), "DUNNO")
            a.does = does
            got = client.ask()
            contains(got, "450 4.7.9 default", name)
            a.does = "DUNNO"
            before = a.connections
            for _ in range(5):
                equal(client.ask(), "DUNNO", name)
            if name == "a late reply":
                time.sleep(0.6)
                equal(client.ask(), "DUNNO", name)
            equal(a.connections, before + 1, f"{name}: a new connection")

    def case_of_two_replies_the_first_counts_and_the_connection_ends(self):
        self.fresh()
        a = self.upstream(b"action=HOLD\n\naction=REJECT second\n\n")
        client = self.serve([a], "inter = '0s'")
        for _ in range(3):
            equal(client.ask(), "HOLD")
        equal(a.connections, 3, "connections")

    def case_a_server_that_half_closes_behind_its_reply_is_heard_and_not_asked_there_again(self):
        self.fresh()

        def does(_, connection):
            connection.sendall(b"action=HOLD\n\n")
            connection.shutdown(socket.SHUT_WR)

        a = self.upstream(does)
        client = self.serve([a], "inter = '0s'")
        for _ in range(4):
            equal(client.ask(), "HOLD")
            time.sleep(0.05)
        equal((a.connections, self.show()["a"]["failed"]), (4, 0), "connections, failures")

    def case_equal_requests_at_a_time_are_each_asked(self):
        """Asking has effects: a greylist or a quota must see them all."""
        self.fresh()

        def slow(*_):
            time.sleep(0.3)
            return "DUNNO"

        a = self.upstream(slow)
        self.serve([a], "inter = '0s'")
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in range(10)]
        for each in clients:
            each.socket.sendall(encode())
        equal([each.reply() for each in clients], ["DUNNO"] * 10)
        equal(len(a.requests), 10)

    # -- which server is asked --------------------------------------------------

    def case_priorities_are_numbers(self):
        self.fresh()
        servers = {priority: self.upstream(f"HOLD {priority}") for priority in (100, 10, 9)}
        client = self.serve(", ".join(f'"s{p}={u.address}:{p}:1:1s"' for p, u in servers.items()), "inter = '0s'")
        for priority in (9, 10, 100):
            equal(client.ask(), f"HOLD {priority}")
            servers[priority].stop()
            self.upstreams.remove(servers[priority])
        contains(client.ask(), "450 4.7.9 default")

    def case_weights_share_the_requests_within_two_percent_of_30000(self):
        self.fresh()
        a, b = self.upstream("DUNNO"), self.upstream("DUNNO")
        self.serve(f'"a={a.address}:10:2:3s", "b={b.address}:10:1:3s"', "inter = '0s'", loops=2)
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in range(6)]

        def ask(client):
            for _ in range(25):
                client.socket.sendall(encode() * 200)
                for _ in range(200):
                    equal(client.reply(), "DUNNO")

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        counts = len(a.requests), len(b.requests)
        note(f"weights 2 and 1: {counts[0]} and {counts[1]} requests, {counts[0] / counts[1]:.4f} to 1")
        equal(sum(counts), 30000)
        equal(abs(counts[0] / counts[1] / 2 - 1) <= 0.02, True, f"2 to 1: {counts}")

    def case_one_message_stays_on_one_server(self):
        self.fresh()
        both = self.upstream("DUNNO"), self.upstream("DUNNO")
        client = self.serve(both, "inter = '0s', stick = 'instance'")
        for message in range(20):
            for _ in range(3):
                client.ask(instance=f"{message}.0")
        for message in range(20):
            seen = [sum(f"instance={message}.0\n".encode() in r for r in each.requests) for each in both]
            equal(sorted(seen), [0, 3], f"message {message}")
        equal(min(len(each.requests) for each in both) > 0, True, "both are asked")
        self.upstreams.remove(both[0])
        both[0].stop()
        for message in range(20):
            equal(client.ask(instance=f"{message}.0"), "DUNNO")

    def case_a_backup_is_asked_when_no_other_is_left(self):
        self.fresh()
        a, b = self.upstream("HOLD a"), self.upstream("HOLD b")
        client = self.serve(f'{{ name = "b", address = "{b.address}", priority = 1, backup = true }}, '
                            f'{{ name = "a", address = "{a.address}", priority = 50 }}',
                            "inter = '100ms', fastinter = '50ms'")
        equal([client.ask() for _ in range(4)], ["HOLD a"] * 4)
        a.stop()
        self.upstreams.remove(a)
        equal(client.ask(), "HOLD b")
        wait_until(lambda: self.show()["a"]["state"] == "down", 10, "a is down")
        a.start()
        wait_until(lambda: self.show()["a"]["state"] == "up", 10, "a is up")
        equal(client.ask(), "HOLD a")
        a.stop()

    # -- another try ------------------------------------------------------------

    def case_what_was_sent_is_not_sent_again_unless_it_may(self):
        for retry, wanted, asked in (("unsent", "450 4.7.9 default", 0), ("unanswered", "HOLD b", 1)):
            self.fresh()
            a, b = self.upstream(lambda *_: None), self.upstream("HOLD b")
            client = self.serve(f'"a={a.address}:1:1:1", "b={b.address}:2:1:1"', f"inter = '0s', retry = '{retry}'")
            contains(client.ask(), wanted)
            equal((len(a.requests), len(b.requests)), (1, asked), retry)

    def case_a_server_that_goes_with_a_request_in_hand_is_not_replaced_unless_it_may(self):
        """It read the request from a kept connection, and may have counted it."""
        for retry, wanted, asked in (("unsent", "450 4.7.9 default", 0), ("unanswered", "HOLD b", 1)):
            self.fresh()
            a, b = self.upstream("HOLD a"), self.upstream("HOLD b")
            client = self.serve(f'"a={a.address}:1:1:1", "b={b.address}:2:1:1"', f"inter = '0s', retry = '{retry}'")
            equal(client.ask(), "HOLD a")
            a.does = lambda *_: a.stop()
            contains(client.ask(), wanted)
            equal((len(a.requests), len(b.requests)), (2, asked), retry)
            self.upstreams.remove(a)

    def case_where_no_connection_can_be_made_the_next_is_always_asked(self):
        self.fresh()
        a, b = self.upstream("HOLD a"), self.upstream("HOLD b")
        client = self.serve(f'"a={a.address}:1:1:1", "b={b.address}:2:1:1"', "inter = '0s'")
        a.stop()
        self.upstreams.remove(a)
        equal(client.ask(), "HOLD b")
        equal(self.server.wait_line(server="b").values["tries"], "2")

    # -- health -----------------------------------------------------------------

    def case_a_server_that_hangs_costs_a_few_requests_and_comes_back(self):
        self.fresh()
        a, b = self.upstream("DUNNO"), self.upstream("DUNNO")
        client = self.serve([a, b], "inter = '200ms', fastinter = '100ms', retry = 'unanswered'")
        for _ in range(10):
            equal(client.ask(), "DUNNO")
        a.does = lambda *_: None
        late = 0
        for _ in range(40):
            began = time.monotonic()
            equal(client.ask(), "DUNNO")
            late += time.monotonic() - began > 0.9
            time.sleep(0.02)
        equal(late <= 3, True, f"{late} requests were late")
        equal(self.show()["a"]["state"], "down")
        a.does = "DUNNO"
        wait_until(lambda: self.show()["a"]["state"] == "up", 10, "a is up")
        asked = len(a.mails())
        for _ in range(4):
            equal(client.ask(), "DUNNO")
        equal(len(a.mails()), asked + 2)
        equal(len(self.said("server a is down")), 1, "lines")
        equal(len(self.said("server a is up")), 1, "lines")

    def case_of_fifty_connections_no_more_than_fall_wait_for_one_that_hangs(self):
        """All that it had in hand but these, and all that come later, are answered by the other one."""
        for options, backup in (("inter = '500ms', fastinter = '200ms'", ""), ("inter = '0s'", ""),
                                ("inter = '500ms', fastinter = '200ms'", ", backup = true")):
            self.fresh()
            a, b = self.upstream("DUNNO"), self.upstream("DUNNO")
            self.serve(f'{{ name = "a", address = "{a.address}", timeout = "3s" }}, '
                       f'{{ name = "b", address = "{b.address}", timeout = "3s"{backup} }}',
                       f"{options}, retry = 'unanswered'", loops=2)
            load = Load(self.server.port, 50, 0.05)
            time.sleep(1)
            a.does = lambda *_: None
            began = time.monotonic()
            wait_until(lambda: self.show()["a"]["state"] == "down", 20, "a is down")
            down = time.monotonic()
            time.sleep(1)
            done = load.end()
            equal({reply for _, _, reply in done}, {"DUNNO"}, options)
            late = [took for begin, took, _ in done if took > 1.5]
            equal(len(late) <= 3, True, f"{options}: {len(late)} requests were late")
            moved = [took for begin, took, _ in done if began < begin < down and took <= 1.5]
            equal(len(moved) > 50, True, f"{options}: {len(moved)} others were answered meanwhile")

    def case_a_host_that_takes_no_connections_costs_no_more_than_fall_either(self):
        """As one that is switched off: it does not even refuse."""
        self.fresh()
        b = self.upstream("DUNNO")
        with socket.socket() as full, contextlib.ExitStack() as taken:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(3):
                each = taken.enter_context(socket.socket())
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            self.serve(f'"a=127.0.0.1:{full.getsockname()[1]}:1:1:3s", "b={b.address}:2:1:3s"', "inter = '0s'")
            load = Load(self.server.port, 20, 0.1)
            wait_until(lambda: self.show()["a"]["state"] == "down", 20, "a is down")
            done = load.end()
            equal({reply for _, _, reply in done}, {"DUNNO"})
            late = [took for _, took, _ in done if took > 0.9]
            equal(1 <= len(late) <= 3, True, f"{len(late)} requests were late")
            contains("\n".join(self.said("server a is down")), "no connection in time")

    def case_what_may_not_be_asked_twice_waits_but_no_more_than_a_moment_brings_it_there(self):
        """Where retry does not allow another try only new requests are led past the one that hangs."""
        self.fresh()
        a, b = self.upstream("DUNNO"), self.upstream("DUNNO")
        client = self.serve(f'{{ name = "a", address = "{a.address}", timeout = "2s" }}, '
                            f'{{ name = "b", address = "{b.address}", timeout = "2s" }}', "inter = '0s'")
        for _ in range(4):
            equal(client.ask(), "DUNNO")
        a.does = lambda *_: None
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in range(20)]
        for each in clients:
            each.socket.sendall(encode())
        time.sleep(0.5)
        for _ in range(20):
            began = time.monotonic()
            equal(client.ask(), "DUNNO")
            equal(time.monotonic() - began < 1.5, True, "led past it")
        equal(sorted(each.reply()[:6] for each in clients), ["450 4."] * 10 + ["DUNNO"] * 10)
        equal((len(a.requests), self.show()["a"]["state"]), (12, "down"))

    def case_a_check_is_a_policy_request_and_its_attributes_can_be_set(self):
        self.fresh()
        a = self.upstream("DUNNO")
        self.serve([a], "inter = '100ms', fastinter = '50ms', probe = { client_address = '192.0.2.99', extra = 7 }")
        wait_until(lambda: a.requests, 10, "a check")
        lines = a.requests[0].decode().splitlines()
        equal(lines[0], "request=smtpd_access_policy")
        for line in ("protocol_state=CONNECT", "client_address=192.0.2.99", "extra=7", "sender="):
            equal(lines.count(line), 1, line)
        wait_until(lambda: self.show()["a"]["checks"] >= 3, 10, "more checks")
        equal(self.show()["a"]["queries"], 0)

    def case_without_checks_requests_find_out(self):
        self.fresh()
        a, b = self.upstream(b"x"), self.upstream("DUNNO")
        client = self.serve([a, b], "inter = '0s', error_limit = 3, retry = 'unanswered', rise = 2")
        a.stop()
        for _ in range(8):
            equal(client.ask(), "DUNNO")
        equal(self.show()["a"]["state"], "down")
        equal(self.show()["a"]["queries"], 3)
        a.does = "DUNNO"
        a.start()

        def is_up():
            equal(client.ask(), "DUNNO")
            return self.show()["a"]["state"] == "up"

        wait_until(is_up, 20, "a is up")

    def case_descriptors_that_we_lack_take_no_server_down(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '0s', error_limit = 3")
        equal(client.ask(), "DUNNO")
        pid = self.server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        a.drop()
        time.sleep(0.3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        for _ in range(5):
            contains(client.ask(), "450 4.7.9 default")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        equal(client.ask(), "DUNNO")
        equal((self.show()["a"]["state"], self.show()["a"]["failed"]), ("up", 0))

    def case_all_down_gives_the_default_at_once_and_says_so_once(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '100ms', fastinter = '50ms'")
        a.stop()
        self.upstreams.remove(a)
        wait_until(lambda: self.show()["a"]["state"] == "down", 10, "a is down")
        began = time.monotonic()
        for _ in range(10):
            contains(client.ask(), "450 4.7.9 default")
        equal(time.monotonic() - began < 2, True, "at once")
        lines = self.said("server a is down")
        equal(len(lines), 1)
        contains(lines[0], "0 of 1 left, the default is given")

    # -- commands ---------------------------------------------------------------

    def case_servers_are_drained_maintained_and_weighed(self):
        self.fresh()
        a, b = self.upstream("HOLD a"), self.upstream("HOLD b")
        client = self.serve([a, b], "inter = '100ms', fastinter = '50ms'")
        self.server.ctl("upstream", "drain", "a")
        equal([client.ask() for _ in range(4)], ["HOLD b"] * 4)
        equal(self.show()["a"]["state"], "drain")
        checks = self.show()["a"]["checks"]
        wait_until(lambda: self.show()["a"]["checks"] > checks, 10, "it is checked on")
        self.server.ctl("upstream", "maint", "a", "check=up")
        equal(self.show()["a"]["state"], "maint")
        time.sleep(0.3)
        checks = self.show()["a"]["checks"]
        time.sleep(0.5)
        equal(self.show()["a"]["checks"], checks, "not checked")
        self.server.ctl("upstream", "ready", "a")
        equal(sorted(client.ask() for _ in range(4)), ["HOLD a"] * 2 + ["HOLD b"] * 2)
        self.server.ctl("upstream", "weight", "b", "3")
        equal(sorted(client.ask() for _ in range(8)), ["HOLD a"] * 2 + ["HOLD b"] * 6)
        contains(self.server.ctl("upstream", "show"), "up")
        for words, status in ((["drain"], 2), (["drain", "nobody"], 1), (["weight", "a", "300"], 2), (["show", "x", "y"], 2)):
            done = subprocess.run([self.server.control, "-s", os.path.join(self.server.state, "control.sock"),
                                   "upstream", *words], stderr=subprocess.PIPE, check=False)
            equal(done.returncode, status, str(words))
        equal(len(self.said("server a is drained")), 1)

    def case_a_reload_keeps_what_is_known(self):
        self.fresh()
        a = self.upstream("DUNNO")
        client = self.serve([a], "inter = '0s'")
        client.ask()
        self.server.ctl("upstream", "weight", "a", "7")
        self.server.reload()
        equal(client.ask(), "DUNNO")
        equal((self.show()["a"]["queries"], self.show()["a"]["weight"], a.connections), (2, 7, 1))
        self.server.write_rules(open(self.server.rule_file, encoding="utf-8").read().replace("4s", "3s"))
        self.server.reload()
        equal(client.ask(), "DUNNO")
        equal((self.show()["a"]["queries"], self.show()["a"]["weight"], a.connections), (1, 7, 2))

    def case_a_reload_that_changes_the_check_keeps_what_commands_and_checks_have_said(self):
        """By name and address of a server; a weight as long as the file says what it said."""
        self.fresh()
        a, b, c = self.upstream("HOLD a"), self.upstream("HOLD b"), self.upstream("HOLD c")
        gone = self.upstream("X")
        gone.stop()
        self.upstreams.remove(gone)
        servers = ", ".join(f'{{ name = "{name}", address = "{each.address}", timeout = "1s", weight = 2 }}'
                            for name, each in (("a", a), ("b", b), ("c", c), ("gone", gone)))
        client = self.serve(servers, "inter = '100ms', fastinter = '50ms'")
        wait_until(lambda: self.show()["gone"]["state"] == "down", 10, "it is down")
        for words in (("drain", "a"), ("maint", "b"), ("weight", "c", "7")):
            self.server.ctl("upstream", *words)

        def reload(old, new):
            with open(self.server.rule_file, encoding="utf-8") as file:
                rules = file.read()
            assert old in rules, old
            self.server.write_rules(rules.replace(old, new))
            assert self.server.reload()
            if '"inet:' not in new:
                equal(client.ask(), "HOLD c")
            return {name: (row["state"], row["weight"]) for name, row in self.show().items()}

        kept = {"a": ("drain", 2), "b": ("maint", 2), "c": ("up", 7), "gone": ("down", 2)}
        equal(reload("4s", "3s"), kept, "another timeout")
        equal(reload("fastinter = '50ms'", "fastinter = '60ms'"), kept, "another interval")
        equal(len(self.said("server gone is down")), 1, "nothing has changed, nothing is said")
        equal(reload("weight = 2", "weight = 3"), {"a": ("drain", 3), "b": ("maint", 3), "c": ("up", 3), "gone": ("down", 3)},
              "other weights in the file")
        equal(reload(f'"{a.address}"', f'"inet:{a.address}"')["a"], ("up", 3), "another address")
        self.server.ctl("upstream", "ready", "b")
        equal(self.show()["b"]["state"], "up")

    # -- the answer -------------------------------------------------------------

    def case_words_and_fields_tell_what_a_server_said(self):
        self.fresh()
        a = self.upstream("")
        refused = self.upstream("X")
        rules = RULES.replace('note("server"', 'note("verb", a.verb) note("text", a.verb_text) note("server"')
        self.server = PolicyServer(rules.format(
            servers=f'"gone={refused.address}:1", "a={a.address}:2"', options="default = dunno(), inter = '0s', error_limit = 1000",
            listen="", dns="", loops=1)).start()
        refused.stop()
        self.upstreams.remove(refused)
        client = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
        said = (("dunno", "passed", "DUNNO", ""), ("DUNNO  because", "passed", "DUNNO", "because"), ("Ok", "passed", "OK", ""),
                ("RELAY", "passed", "RELAY", ""), ("12345", "passed", "12345", ""), ("reject", "refused", "REJECT", ""),
                ("REJECT 5.1.1 who", "refused", "REJECT", "5.1.1 who"), ("450 4.2.0 later", "refused", "450", "4.2.0 later"),
                ("550 no", "refused", "550", "no"), ("defer x", "refused", "DEFER", "x"),
                ("DEFER_IF_PERMIT x", "refused", "DEFER_IF_PERMIT", "x"), ("DEFER_IF_REJECT x", "refused", "DEFER_IF_REJECT", "x"),
                ("hold", "other", "HOLD", ""), ("prepend X-A: b", "other", "PREPEND", "X-A: b"), ("WARN x", "other", "WARN", "x"),
                ("INFO x", "other", "INFO", "x"), ("FILTER a:b", "other", "FILTER", "a:b"), ("BCC x@y", "other", "BCC", "x@y"),
                ("REDIRECT x@y", "other", "REDIRECT", "x@y"), ("discard", "other", "DISCARD", ""),
                ("permit_mynetworks", "other", "permit_mynetworks", ""), ("250 x", "other", "250", "x"))
        for i, (action, word, verb, text) in enumerate(said):
            a.does = action
            client.ask(sender=f"{i}@example.net")
            values = self.server.wait_line(**{"from": f"<{i}@example.net>"}).values
            equal((values["word"], values["verb"], values.get("text", ""), values["server"], values["tries"]),
                  (word, verb, text.replace(" ", "\\x20"), "a", "2"), action)
        self.upstreams.remove(a)
        a.stop()
        client.ask(sender="none@example.net")
        values = self.server.wait_line(**{"from": "<none@example.net>"}).values
        equal((values["word"], values["tries"]), ("unknown", "0"))

    # -- actions ----------------------------------------------------------------

    def case_actions_go_through_the_encoder(self):
        self.fresh()
        a = self.upstream("")
        client = self.serve([a], "inter = '0s'")
        for said, pattern in (("dunno", "DUNNO"), ("reject", r"REJECT 5\.7\.1 Refused by local policy; id=mx1-\w+"),
                              ("Reject 5.1.1 nobody", r"REJECT 5\.1\.1 nobody; id=mx1-\w+"),
                              ("450 4.2.0 later", r"450 4\.2\.0 later; id=mx1-\w+"),
                              ("550", r"550 5\.7\.1 Refused by local policy; id=mx1-\w+"),
                              ("DEFER_IF_PERMIT wait a moment", r"DEFER_IF_PERMIT 4\.7\.1 wait a moment; id=mx1-\w+"),
                              ("PREPEND X-Test: yes", "PREPEND X-Test: yes"), ("hold x  y", "HOLD x  y")):
            a.does = said
            got = client.ask()
            equal(re.fullmatch(pattern, got) is not None, True, f"{said!r} gave {got!r}")

    def case_what_permits_needs_its_name_twice(self):
        said = ("OK", "RELAY", "12345", "FILTER smtp:[127.0.0.1]", "reject_unverified_sender", "PREPEND nothing", "FOO bar")
        for actions, listen, wanted in (
                ("", "may = { 'ok', 'filter', 'restriction' }", ["DUNNO"] * 7),
                ("actions = { 'ok', 'filter', 'restriction' }", "", ["DUNNO"] * 7),
                ("actions = { 'ok', 'filter', 'restriction' }", "may = { 'ok', 'filter', 'restriction' }",
                 ["OK", "OK", "OK", "FILTER smtp:[127.0.0.1]", "reject_unverified_sender", "DUNNO", "DUNNO"])):
            self.fresh()
            a = self.upstream("")
            client = self.serve([a], f"inter = '0s', {actions}", listen=listen)
            got = []
            for each in said:
                a.does = each
                got.append(client.ask())
            equal(got, wanted)
            if not listen or not actions:
                self.server.wait_line(verb="dunno", withheld="OK")
            equal(" error=<" in self.server.log(), False, "no rule fails")
        self.server.wait_line(verb="dunno", withheld="FOO\\x20bar")
        contains("\n".join(self.said("server a says 'FOO bar'")), "DUNNO is given")

    def case_verbatim_adds_nothing(self):
        self.fresh()
        a = self.upstream("")
        every = "{ 'dunno', 'reject', 'reply', 'defer', 'hold', 'ok', 'restriction', 'filter', 'prepend' }"
        client = self.serve([a], f"inter = '0s', verbatim = true, actions = {every}", default='reject("no")',
                            listen="may = { 'ok', 'restriction', 'filter' }")
        for said in ("dunno", "REJECT", "reject  two blanks", "450 later", "550 5.1.1 who?", "ok", "999",
                     "Filter smtp:x", " permit_mynetworks, reject", "check_sender_access hash:/x", "PREPEND X: y"):
            a.does = said
            equal(client.ask(), said)
        a.does = "550"
        contains(client.ask(), "550 5.7.1 Refused by local policy")
        a.does = b"x=y\n\n"
        equal(client.ask(), "REJECT no")

    def case_answers_are_kept_only_with_a_key(self):
        self.fresh()
        a = self.upstream("HOLD")
        client = self.serve([a], "inter = '0s', keep = '1h', keep_key = { 'sender' }")
        for sender in ("x@example.org", "y@example.org", "x@example.org"):
            equal(client.ask(sender=sender), "HOLD")
        equal(len(a.requests), 2)
        client = self.serve([a], "inter = '0s'")
        client.ask()
        client.ask()
        equal(len(a.requests), 4)

    # -- addresses --------------------------------------------------------------

    def case_unix_sockets_and_ipv6_are_reached(self):
        self.fresh()
        folder = public_folder("ppolicyd-up.")
        a, b = self.upstream("HOLD unix", path=os.path.join(folder, "s")), self.upstream("HOLD v6", host="::1")
        client = self.serve(f'"a={a.address}:1:1:1", "b={b.address}:2:1:1"', "inter = '0s'")
        equal(client.ask(), "HOLD unix")
        self.upstreams.remove(a)
        a.stop()
        os.unlink(a.path)
        os.rmdir(folder)
        equal(client.ask(), "HOLD v6")

    def case_host_names_are_looked_up_again(self):
        self.fresh()
        a = self.upstream("HOLD a", host="127.0.0.2")
        b = self.upstream("HOLD b", host="127.0.0.3", port=a.port)
        names = NameServer({"grey.example.org": {"A": "127.0.0.2", "ttl": 1}})
        try:
            client = self.serve(f'"a=grey.example.org:{a.port}:10:1:1"', "inter = '0s'",
                                dns=f'dns {{ servers = {{ "{names.address}" }}, timeout = "200ms" }}')
            equal(client.ask(), "HOLD a")
            names.answers["grey.example.org"] = {"A": "127.0.0.3", "ttl": 1}
            wait_until(lambda: client.ask() == "HOLD b", 30, "the new address is used")
        finally:
            names.stop()
        equal(b.connections, 1)

    def header(self, version, source, port, to_port):
        """From an address to our listener."""
        if version == 1:
            return f"PROXY TCP4 {source} 127.0.0.1 {port} {to_port}\r\n".encode()
        return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(source) + socket.inet_aton("127.0.0.1") +
                port.to_bytes(2, "big") + to_port.to_bytes(2, "big"))

    def case_proxy_headers_tell_whose_connection_it_is(self):
        """Its address and its port; what the mail's client has is in the request."""
        for version in (1, 2):
            self.fresh()
            a = self.upstream("DUNNO")
            a.proxy = version
            client = self.serve(f'{{ name = "a", address = "{a.address}", send_proxy = {version} }}', "inter = '0s'")
            equal([client.ask(client_port=7) for _ in range(3)], ["DUNNO"] * 3)
            other = PolicyClient(f"inet:127.0.0.1:{self.server.port}")
            equal([other.ask() for _ in range(2)], ["DUNNO"] * 2)
            equal(client.ask(), "DUNNO")
            equal(a.connections, 2, "one for each connection of a client")
            equal(a.headers, [self.header(version, "127.0.0.1", each.socket.getsockname()[1], self.server.port)
                              for each in (client, other)])

    def case_proxy_headers_hand_on_whom_a_proxy_before_us_named(self):
        for version in (1, 2):
            self.fresh()
            a = self.upstream("DUNNO")
            a.proxy = version
            client = self.serve(f'{{ name = "a", address = "{a.address}", send_proxy = {version} }}', "inter = '0s'",
                                listen='proxy = { networks = "127.0.0.1" }')
            client.socket.sendall(self.header(3 - version, "198.51.100.9", 40000, 10031))
            equal([client.ask() for _ in range(3)], ["DUNNO"] * 3)
            equal(a.headers, [self.header(version, "198.51.100.9", 40000, self.server.port)])

    def case_health_checks_speak_for_themselves_in_proxy_headers(self):
        for version, wanted in ((1, b"PROXY UNKNOWN\r\n"), (2, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")):
            self.fresh()
            a = self.upstream("DUNNO")
            a.proxy = version
            self.serve(f'{{ name = "a", address = "{a.address}", send_proxy = {version} }}',
                       "inter = '100ms', fastinter = '50ms'")
            wait_until(lambda: len(a.headers) > 1, 10, "two checks")
            equal(set(a.headers), {wanted})


if __name__ == "__main__":
    sys.exit(run_cases(Delegate))
