#!/usr/bin/env python3
# test_hapolicy.py - hapolicy's command line over ppolicyd: what it takes, what it says, as nobody, writing nothing
# timeout: 240
import os
import re
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from policy import ROOT, PolicyClient, encode, free_port, program, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402
from upstream import Upstream  # noqa: E402

SCRIPT = os.path.join(ROOT, "scripts", "hapolicy")


def become_nobody():
    """As spawn(8) does it; and no file can be written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


class Hapolicy:
    """A hapolicy that is spoken with over its standard input and output."""

    def __init__(self, *arguments, **options):
        self.said = ""
        self.process = subprocess.Popen([SCRIPT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
                                        stderr=subprocess.PIPE, preexec_fn=become_nobody,
                                        env={**os.environ, "PPOLICYD": program("PPOLICYD", "build/plain/ppolicyd")},
                                        **options)

    def ask(self, raw=None, **attributes):
        self.process.stdin.write(raw or encode(**attributes))
        self.process.stdin.flush()
        reply = ""
        while not reply.startswith("action="):  # with -L there are lines of the log
            reply = self.process.stdout.readline().decode()
            assert reply, self.process.stderr.read()
            self.said += "" if reply.startswith("action=") else reply
        equal(self.process.stdout.readline(), b"\n", "an empty line")
        return reply[7:-1]

    def end(self):
        """What else it printed, and said on standard error; it ends well."""
        self.process.stdin.close()
        # Not communicate(): it loses what readline() has read already, and not given out.
        out, err = self.process.stdout.read(), self.process.stderr.read()
        equal(self.process.wait(timeout=30), 0, err.decode())
        return self.said + out.decode(), err.decode()


def config(*arguments):
    done = subprocess.run([SCRIPT, "--print-config", *arguments], stdout=subprocess.PIPE, check=True, timeout=30)
    return done.stdout.decode()


class HapolicyCommand:
    def start(self):
        self.upstreams = []
        self.asked = None

    def stop(self):
        for each in self.upstreams:
            each.stop()
        self.upstreams = []
        if self.asked is not None and self.asked.process.poll() is None:
            self.asked.process.kill()
            self.asked.process.communicate()
        self.asked = None

    def upstream(self, *arguments, **options):
        self.upstreams.append(Upstream(*arguments, **options))
        return self.upstreams[-1]

    def begin(self, *arguments):
        self.asked = Hapolicy(*arguments)
        return self.asked

    def case_the_entry_of_master_cf_works(self):
        self.stop()
        a, b = self.upstream("DUNNO a"), self.upstream("DUNNO b")
        asked = self.begin("-l", "-s", f"GREY1={a.address}:10", "-s", f"GREY2={b.address}:10")
        equal(sorted(asked.ask() for _ in range(4)), ["DUNNO a"] * 2 + ["DUNNO b"] * 2)
        asked.end()

    def case_the_next_is_asked_when_one_is_refused_or_too_slow(self):
        self.stop()
        slow, refused, good = self.upstream(lambda *_: None), self.upstream("X"), self.upstream("HOLD good")
        refused.stop()
        self.upstreams.remove(refused)
        asked = self.begin(f"-sslow={slow.address}:1:1:1", f"--service=refused={refused.address}:2:1:30", "--service",
                           f"good={good.address}:3")
        began = time.monotonic()
        equal(asked.ask(), "HOLD good")
        equal(1 <= time.monotonic() - began < 15, True, "after the slow one's second")
        equal(len(slow.requests), 1)
        began = time.monotonic()
        equal(asked.ask(), "HOLD good")
        equal(time.monotonic() - began < 0.9, True, "the slow one is left alone for a while")
        asked.end()

    def case_when_all_hang_the_default_comes_after_the_sum_of_the_timeouts(self):
        self.stop()
        one, two = self.upstream(lambda *_: None), self.upstream(lambda *_: None)
        asked = self.begin("-s", f"one={one.address}:1:1:1", "-s", f"two={two.address}:2:1:2", "-d", "450 nobody")
        began = time.monotonic()
        equal(asked.ask(), "450 nobody")
        took = time.monotonic() - began
        equal(2.8 < took < 6, True, f"after {took:.2f} s")
        equal((len(one.requests), len(two.requests)), (1, 1))
        asked.end()

    def case_priorities_are_numbers(self):
        self.stop()
        servers = {priority: self.upstream(f"HOLD {priority}") for priority in (100, 10, 9)}
        asked = self.begin(*(f"-sp{p}={u.address}:{p}" for p, u in servers.items()))
        for priority in (9, 10, 100):
            equal(asked.ask(), f"HOLD {priority}")
            servers[priority].stop()
            self.upstreams.remove(servers[priority])
        equal(asked.ask(), "DUNNO")
        asked.end()

    def case_the_default_is_said_when_all_fail(self):
        self.stop()
        port = free_port()
        for options, wanted in (((), "DUNNO"), (("-d", "450 later"), "450 later"),
                                (("--default=DEFER_IF_PERMIT wait a bit",), "DEFER_IF_PERMIT wait a bit"),
                                (("-dreject",), "REJECT"), (("-d", 'reject "quoted\\"'), 'REJECT "quoted\\"'),
                                (("-d", "ok"), "OK"), (("-d", "permit_mynetworks"), "permit_mynetworks"),
                                (("-d", "my_class"), "my_class"), (("-d", "450\tlater"), "450 later"),
                                (("-d", "check_client_access hash:/x"), "451 4.3.5 Server configuration error")):
            asked = self.begin("-s", f"a=127.0.0.1:{port}:10:1:1", *options)
            equal(asked.ask(), wanted)
            asked.end()

    def case_every_legal_action_leaves_as_it_came(self):
        self.stop()
        a = self.upstream("")
        asked = self.begin("-s", f"a={a.address}")
        for action in ("dunno", "DUNNO  two", "OK", "relay", "123", "reject", "REJECT 5.7.1 x; y", "450 4.2.0 z",
                       "550 no", "421 bye", "defer", "DEFER_IF_REJECT x", "defer_if_permit", "HOLD", "DISCARD x",
                       "FILTER smtp:[127.0.0.1]:10025", "REDIRECT a@example.org", "BCC a@example.org", "PREPEND X-A: b  c",
                       "WARN x", "INFO x", "permit_mynetworks", "my_class", "reject_unverified_sender, permit",
                       "check_client_access hash:/etc/x", "REJECT " + "x" * 900):
            a.does = action
            equal(asked.ask(), action)
        asked.end()

    def case_attributes_go_on_uncut_in_order_and_never_into_the_next_request(self):
        self.stop()
        a = self.upstream("DUNNO")
        asked = self.begin("-s", f"a={a.address}")
        first = b"request=smtpd_access_policy\nzeta=1\nalpha=" + b"x" * 3000 + b"\nsender=\n\n"
        second = b"request=smtpd_access_policy\nsender=b\n\n"
        for raw in (first, second):
            equal(asked.ask(raw), "DUNNO")
        equal(a.requests, [first, second])
        equal(a.connections, 1, "connections")
        asked.end()

    def case_the_log_line_has_its_fields(self):
        self.stop()
        a = self.upstream("HOLD it")
        asked = self.begin("-lL", "-s", f"GREY1={a.address}:7:2")
        equal(asked.ask(sender="s@example.net", recipient="r@example.org"), "HOLD it")
        out = "\n".join(asked.end())
        for part in ("hold: RCPT from client.example.net[192.0.2.1]", "from=<s@example.net>", "to=<r@example.org>",
                     "helo=<client.example.net>", "server=GREY1", f"address={a.address}", "prio=7", "weight=2", "queries=1", "answers=1", "failed=0"):
            contains(out, part)
        equal(re.search(r" delay=\d+ms", out) is not None, True, out)
        asked = self.begin("-L", "-s", f"GREY1={a.address}")
        asked.ask()
        equal("GREY1" in "\n".join(asked.end()), False, "without -l nothing is logged")

    def case_the_command_line_is_read_as_before(self):
        one = config("-lvL", "-s", "a=10.0.0.1:1:5:2:7", "-d", "reject")
        other = config("--logging", "--verb", "--std", "--serv=a=10.0.0.1:1:5:2:7", "--def", "reject", "ignored")
        equal(one, other)
        equal(config("--v", "--L", "--l", "--s", "a=10.0.0.1:1:5:2:7", "--d=reject"), one, "letters behind two dashes")
        contains(one, 'level = "debug"')
        contains(one, 'to = "stderr"')
        contains(one, '"a=10.0.0.1:1:5:2:7"')
        contains(config("-s", "a=10.0.0.1:1"), '"a=10.0.0.1:1:10:1:30"')
        contains(config("-s", "a=10.0.0.1:1::0:"), '"a=10.0.0.1:1:10:1:30"')
        contains(config("-s", "x y=[2001:db8::1]:1:010"), '"x_y=[2001:db8::1]:1:10:1:30"')
        contains(config("-s", "a=unix:/run/x:3:4:5"), '"a=unix:/run/x:3:4:5"')
        for bad in ("a", "=10.0.0.1:1", "a=10.0.0.1", "a=:1", "a=10.0.0.1:x"):
            contains(config("-s", bad, "-s", "b=10.0.0.1:1"), f"ignoring invalid service '{bad}'")
        for arguments in (["-x"], ["--wrong"], ["-s"], ["--s"], ["--lo=1"], ["--V"], ["--logging=1"], ["--listen", "here"]):
            done = subprocess.run([SCRIPT, *arguments], stderr=subprocess.PIPE, check=False, timeout=30)
            equal(done.returncode, 2, str(arguments))

    def case_the_deadline_is_the_sum_of_the_timeouts_up_to_ninety_seconds(self):
        for timeouts, deadline in ((["5"], 5), (["5", "7"], 12), (["30", "30", "30"], 90), (["60", "60"], 90)):
            text = config(*(f"-sa{i}=10.0.0.1:1:1:1:{t}" for i, t in enumerate(timeouts)))
            contains(text, f'deadline = "{deadline}s"')

    def case_what_it_prints_is_a_good_rule_file(self):
        text = config("-s", "a=10.0.0.1:1", "-s", "b=mail.example.org:2:3", "-d", "450 later")
        done = subprocess.run([program("PPOLICYD", "build/plain/ppolicyd"), "-t", "--rules", text],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
        equal(done.returncode, 0, done.stdout.decode())
        contains(done.stdout.decode(), "1 check, 1 rule")

    def case_odd_arguments_make_no_bad_rule_file(self):
        server = ["-s", "a=10.0.0.1:1"]
        for arguments, wanted in ((["-d", ""], "default = dunno()"), (["-d", "  reject"], "default = reject()"),
                                  (["-d", "12345"], "default = ok()"), (["-d", 'WARN a"b\\c'], 'default = warn("a\\"b'),
                                  (["-s", "b=10.0.0.1:65536"], "ignoring invalid service 'b=10.0.0.1:65536'"),
                                  (["-s", "b=10.0.0.1:0"], "ignoring invalid service 'b=10.0.0.1:0'"),
                                  (["-s", "a=10.0.0.2:2"], '"a_=10.0.0.2:2:'),
                                  (["-s", "n" * 99 + "=10.0.0.2:2"], "n" * 50 + "=10.0.0.2:2:"),
                                  (["--listen", 'unix:/tmp/a"b'], 'listen("unix:/tmp/a\\"b"')):
            text = config(*server, *arguments)
            contains(text, wanted)
            done = subprocess.run([program("PPOLICYD", "build/plain/ppolicyd"), "-t", "--rules", text],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
            equal(done.returncode, 0, done.stdout.decode())

    def case_a_default_that_can_be_none_does_not_keep_servers_from_being_asked(self):
        """hapolicy 1.00 handed it to Postfix, which refuses for now what it does not know."""
        self.stop()
        a = self.upstream("HOLD a")
        for default in ("filter", "filter a b:c", "bcc", "bcc a@b,c@d", "redirect <a@b>", "prepend", "prepend X Y: z",
                        "prepend X", "45O x", "600 x", "Reject, x", "hangup", "%s %d", "\u00e4", "check_x hash:/x"):
            asked = self.begin("-L", "-s", f"a={a.address}", "-d", default)
            equal(asked.ask(), "HOLD a", default)
            contains("".join(asked.end()), "can be given by no rule: where no server answers it is 451 4.3.5")

    def case_without_a_server_the_default_is_said(self):
        self.stop()
        asked = self.begin("-d", "450 nobody")
        contains(asked.ask(), "450 4.7.1 nobody")
        asked.end()

    def case_with_listen_it_serves_a_socket(self):
        self.stop()
        a = self.upstream("HOLD it")
        address = f"inet:127.0.0.1:{free_port()}"
        asked = self.begin("--listen", address, "-L", "-s", f"a={a.address}")

        def client():
            try:
                return PolicyClient(address)
            except OSError:
                return None

        clients = [wait_until(client, 20, "it listens"), wait_until(client)]
        equal([each.ask() for each in clients], ["HOLD it"] * 2)
        for each in clients:
            each.close()
        asked.process.send_signal(signal.SIGTERM)
        out = "\n".join(asked.end())
        equal("control" in out, False, out)


if __name__ == "__main__":
    sys.exit(run_cases(HapolicyCommand))
