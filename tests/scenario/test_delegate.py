#!/usr/bin/env python3
# test_delegate.py - other policy servers asked: what they get, and what is handed on
# timeout: 300
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from delegating import RULES, Delegating  # noqa: E402
from dns import NameServer  # noqa: E402
from policy import PolicyClient, PolicyServer, encode, public_folder, wait_until  # noqa: E402
from tap import contains, equal, run_cases  # noqa: E402


class Delegate(Delegating):
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

    def case_with_connections_for_one_request_not_even_a_late_second_reply_reaches_the_next(self):
        self.fresh()

        def twice(request, connection):
            connection.sendall(b"action=HOLD " + re.search(rb"\ninstance=(.*)\n", request)[1] + b"\n\n")
            time.sleep(0.05)
            return "HOLD second"

        a = self.upstream(twice)
        client = self.serve([a], "inter = '0s', idle = '0s'")
        for i in range(5):
            equal(client.ask(instance=f"i{i}"), f"HOLD i{i}")
        equal(a.connections, 5)

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
