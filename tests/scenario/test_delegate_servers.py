#!/usr/bin/env python3
# test_delegate_servers.py - which of several policy servers is asked, and what happens when they fail
# timeout: 300
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from delegating import Delegating  # noqa: E402
from load import Load  # noqa: E402
from policy import PolicyClient, encode, wait_until  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402


@contextlib.contextmanager
def full_queue(server):
    """As many connections as a server on a unix socket lets wait, of which it accepts none until it may."""
    server.accepts.clear()
    server.listener.listen(0)
    with contextlib.ExitStack() as crowd:
        for _ in range(2):  # it may be accepting one
            full = False
            while not full:
                one = crowd.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                full = one.connect_ex(server.path) != 0
            time.sleep(0.1)
        yield
        server.accepts.set()


class DelegateServers(Delegating):
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

    def case_a_unix_socket_whose_queue_is_full_is_waited_for(self):
        """connect() tells that at once: it is no reason to ask nobody, nor to take the server down."""
        self.fresh()
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            a = self.upstream("HOLD a", path=f"{folder}/a")
            os.chmod(a.path, 0o777)
            client = self.serve([a], "inter = '0s', fall = 1, error_limit = 1")
            with full_queue(a):
                later = threading.Timer(0.3, a.accepts.set)
                later.start()
                began = time.monotonic()
                equal(client.ask(), "HOLD a")
                equal(time.monotonic() - began > 0.2, True, "it was full")
                later.join()
            row = self.show()["a"]
            equal((row["state"], row["queries"], row["failed"]), ("up", 1, 0))
            a.drop()
            with full_queue(a):
                contains(client.ask(), "450 4.7.9 default")
            row = self.show()["a"]
            equal((row["state"], row["trouble"]), ("down", "no connection in time"))

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

    def case_a_server_that_hangs_gets_few_more_requests_where_none_may_be_asked_twice(self):
        """They come faster than it can be known; but it is known before there are many."""
        self.fresh()
        a, b = self.upstream("DUNNO"), self.upstream("DUNNO")
        self.serve(f'{{ name = "a", address = "{a.address}", timeout = "2s" }}, '
                   f'{{ name = "b", address = "{b.address}", timeout = "2s" }}', "inter = '0s'", loops=2)
        load = Load(self.server.port, 50, 0.2)
        time.sleep(1)
        a.does = lambda *_: None
        began = time.monotonic()
        wait_until(lambda: self.show()["a"]["state"] == "down", 20, "a is down")
        time.sleep(0.5)
        done = load.end()
        late = [reply for _, took, reply in done if took > 1]
        usual = statistics.mean(took for begin, took, _ in done if begin + took < began)
        known = max(0.02, 8 * usual) + 0.05  # seconds, of which some are for a machine that has more to do
        note(f"at 125 requests a second to each of two servers, in {usual * 1000:.1f} ms each, {len(late)} were lost "
             f"to the one that hangs; it could be known after {known * 1000:.0f} ms")
        equal(3 <= len(late) <= 3 + 125 * known, True, f"{len(late)} requests were late")
        equal({reply[:9] for reply in late}, {"450 4.7.9"})

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


if __name__ == "__main__":
    sys.exit(run_cases(DelegateServers))
