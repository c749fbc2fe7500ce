#!/usr/bin/env python3
# live/test_postfix.py - mail through a real Postfix that asks ppolicyd
# timeout: 300
# alone
import os
import re
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyServer, wait_until  # noqa: E402
from postfix import Postfix  # noqa: E402
from tap import Skip, contains, equal, run_cases  # noqa: E402

MARK = "DEFAULT-ACTION-FIRED"
STAGES = ("client", "helo", "sender", "recipient", "data", "end_of_data", "etrn")


def rules(generation=1):
    with open(os.path.join(HERE, "postfix.lua"), encoding="utf-8") as file:
        return file.read().replace("@GENERATION@", str(generation))


def ask(address, **options):
    options = {"timeout": "15s", "default_action": "451 4.3.5 " + MARK, **options}
    given = ", ".join(f"{{ {name} = {value} }}" for name, value in options.items())
    return f"check_policy_service {{ {address}, {given} }}"


class Live:
    def start(self):
        self.policy = self.postfix = None
        self.policy = PolicyServer(rules())
        tcp, folder = f"inet:127.0.0.1:{self.policy.port}", self.policy.folder
        states = {f"smtpd_{stage}_restrictions": ask(f"unix:{folder}/watch.sock", policy_context=stage)
                  for stage in STAGES}
        self.postfix = Postfix({
            "tcp": {"smtpd_recipient_restrictions": ask(tcp)},
            "local": {"smtpd_recipient_restrictions": ask(f"unix:{folder}/policy.sock")},
            "bytes": {"smtpd_recipient_restrictions": ask(tcp), "smtputf8_enable": "no",
                      "strict_smtputf8": "no"},
            "states": {"smtpd_delay_reject": "no", **states},
            # For what only happens while the server is down: its log lines are told apart.
            "down": {"smtpd_recipient_restrictions": ask(tcp)},
        })
        self.policy.start()
        self.postfix.start()

    def stop(self):
        if self.postfix:
            self.postfix.remove()
        if self.policy:
            status = self.policy.remove()
            equal(status, 0, "exit status of the server")

    def explain(self):
        return (f"-- Postfix:\n{self.postfix.log()[-6000:]}\n" if self.postfix else "") + \
            f"-- ppolicyd:\n{self.policy.log()[-6000:]}"

    def _rcpt(self, recipient, service="tcp", **options):
        with self.postfix.client(service) as smtp:
            smtp.greet()
            return smtp.recipient(recipient, **options)

    def _no_default_action(self):
        for line in self.postfix.log().splitlines():
            if MARK in line and "postfix/down/" not in line:
                raise AssertionError(line)

    # -- actions ---------------------------------------------------------------

    def case_a_refusal_has_the_same_id_in_the_reply_in_Postfixs_log_and_in_ours(self):
        reply = self._rcpt("refused@example.org")
        contains(reply, "554 5.7.1 <refused@example.org>: Recipient address rejected: we do not want this")
        line = self.policy.wait_line(verb="reject", to="<refused@example.org>")
        assert reply.endswith(f"id={line.id}"), (reply, line)
        contains(self.postfix.wait_log(line.id), "NOQUEUE: reject: RCPT from")
        assert line.id.startswith("live-") and len(line.id) <= 24, line.id
        contains(line.line, "NOQUEUE: reject: RCPT from ")
        contains(line.line, "5.7.1 we do not want this; ")
        contains(line.line, "rule=by_recipient:")
        contains(line.line, "from=<sender@example.net> to=<refused@example.org>")
        contains(line.line, "proto=ESMTP helo=<client.example.net>")

    def case_a_unix_socket_answers_the_same(self):
        reply = self._rcpt("refused@example.org", "local")
        contains(reply, "554 5.7.1 <refused@example.org>: Recipient address rejected: we do not want this")
        contains(self._rcpt("passed@example.org", "local"), "250 ")

    def case_mail_passes_and_is_delivered(self):
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            contains(smtp.recipient("passed@example.org"), "250 ")
            contains(smtp.message("passes"), "250 ")
        self.postfix.wait_mail("passes")
        equal(self.policy.wait_line(to="<passed@example.org>").verb, "dunno")

    def case_a_prepended_header_is_in_the_delivered_mail(self):
        with self.postfix.client("tcp") as smtp:
            smtp.greet("mail.example.net")
            contains(smtp.recipient("headed@example.org"), "250 ")
            contains(smtp.message("headed"), "250 ")
        equal(self.postfix.wait_mail("headed")["X-Policy"], "mail.example.net")
        self.policy.wait_line(verb="prepend")

    def case_mail_is_deferred_with_450_4_7_1(self):
        for wish, text in (("deferred", "come back later"), ("greylisted", "not so fast")):
            reply = self._rcpt(f"{wish}@example.org")
            contains(reply, f"450 4.7.1 <{wish}@example.org>: Recipient address rejected: {text}")
            line = self.policy.wait_line(to=f"<{wish}@example.org>")
            assert reply.endswith(f"id={line.id}"), (reply, line)

    def case_a_reply_of_ones_own_code_is_sent_as_it_is(self):
        reply = self._rcpt("refused-521@example.org")
        contains(reply, "521 5.7.0 <refused-521@example.org>: Recipient address rejected: go away")

    def case_mail_is_held(self):
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            contains(smtp.recipient("held@example.org"), "250 ")
            contains(smtp.message("held"), "250 ")
        wait_until(lambda: self.postfix.queued("hold"), 10, "a message on hold")
        contains(self.postfix.wait_log(": hold: "), "let me look at it")

    def case_a_check_that_waits_is_waited_for(self):
        start = time.monotonic()
        contains(self._rcpt("slow@example.org"), "slept well")
        took = time.monotonic() - start
        assert 0.14 < took < 5, took
        contains(self.policy.wait_line(to="<slow@example.org>").line, "nap=done/")

    def case_pipelined_recipients_get_their_own_answers(self):
        wishes = [("passed", "250 "), ("refused", "554 5.7.1"), ("slow", "slept well"),
                  ("deferred", "450 4.7.1"), ("headed", "250 ")] * 8
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            smtp.send("MAIL FROM:<sender@example.net>",
                      *(f"RCPT TO:<{wish}@example.org>" for wish, _ in wishes))
            contains(smtp.reply(), "250 ")
            for number, (wish, want) in enumerate(wishes):
                contains(smtp.reply(), want, f"recipient {number}, {wish}")
            contains(smtp.message("pipelined"), "250 ")
        self.postfix.wait_mail("pipelined")

    def case_a_rule_error_lets_mail_pass_and_is_logged_with_its_line(self):
        contains(self._rcpt("broken@example.org"), "250 ")
        number = next(n for n, text in enumerate(rules().splitlines(), 1) if "this rule is broken" in text)
        wait_until(lambda: re.search(rf"rules\.lua:{number}: .*this rule is broken", self.policy.log()), 5,
                   "the error in the log")
        equal(self.policy.wait_line(to="<broken@example.org>").verb, "dunno")

    # -- what Postfix sends ------------------------------------------------------

    def case_every_protocol_state_is_asked_and_logged(self):
        with self.postfix.client("states") as smtp:
            smtp.ask("HELO old.example.net")
            smtp.greet("new.example.net")
            smtp.ask("VRFY someone@example.org")
            smtp.ask("ETRN example.org")
            contains(smtp.ask("MAIL FROM:<states@example.net>"), "250 ")
            contains(smtp.ask("RCPT TO:<states@example.org>"), "250 ")
            contains(smtp.message("states"), "250 ")
        self.postfix.wait_mail("states")
        wanted = (("CONNECT", "client", {"from": "<>", "to": "<>", "helo": "<>", "proto": "SMTP"}),
                  ("HELO", "helo", {"helo": "<old.example.net>"}),
                  ("EHLO", "helo", {"helo": "<new.example.net>"}),
                  ("VRFY", "recipient", {"to": "<someone@example.org>"}),
                  ("ETRN", "etrn", {}),
                  ("MAIL", "sender", {"from": "<states@example.net>", "proto": "ESMTP"}),
                  ("RCPT", "recipient", {"from": "<states@example.net>", "to": "<states@example.org>"}),
                  ("DATA", "data", {"from": "<states@example.net>", "to": "<states@example.org>"}),
                  ("END-OF-MESSAGE", "end_of_data", {"to": "<states@example.org>"}))
        for state, context, values in wanted:
            line = self.policy.wait_line(state=state, context=context, verb="dunno")
            equal({key: line.values.get(key) for key in values}, values, state)
            contains(line.line, f"seen={state}")
        rcpt = self.policy.wait_line(state="RCPT", context="recipient")
        end = self.policy.wait_line(state="END-OF-MESSAGE")
        assert rcpt.values["instance"], rcpt
        equal(end.values["instance"], rcpt.values["instance"], "instance of one message")

    def case_the_null_sender_is_seen_as_such(self):
        contains(self._rcpt("null@example.org", sender=""), "null sender seen")
        equal(self.policy.wait_line(to="<null@example.org>").values["from"], "<>")
        contains(self._rcpt("null@example.org", sender="a@example.net"), "250 ")

    def case_an_IPv6_client_is_logged_as_Postfix_logs_it(self):
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            if not smtp.ask("XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::25").startswith("220"):
                raise Skip("this machine has no IPv6")
            smtp.greet("v6.example.net")
            contains(smtp.recipient("refused@example.org"), "554 ")
        line = self.policy.wait_line(helo="<v6.example.net>")
        equal(line.address, "2001:db8::25")
        contains(self.postfix.wait_log(line.id), "RCPT from unknown[2001:db8::25]")

    def case_odd_bytes_do_no_harm(self):
        helos = (b"a b=c;d", b"he\x01lo\x1b[31mred", b"%n%s%n%s", b"'; drop table x; --", b"x" * 1900,
                 b"\\\"quo\"ted", "grüße.example".encode(), b"\xff\xfe\x80", b"id=live-0000000000 ms=1")
        for helo in helos:
            with self.postfix.client("bytes") as smtp:
                smtp.ask(b"HELO " + helo)
                reply = smtp.recipient("echo@example.org")
                contains(reply, "450 4.7.1 <echo@example.org>: Recipient address rejected: helo=", repr(helo))
                assert len(reply) <= 512, len(reply)
                line = self.policy.wait_line(id=re.search(r"id=(live-\w+)$", reply)[1])
                assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line.line), repr(line.line)
        with self.postfix.client("bytes") as smtp:
            smtp.greet()
            for sender in (b'"a b=c\\"d"@s.example', b'"<x>"@s.example', b'"\x02"@s.example', b"@",
                           b"'or'1'='1@s.example", b"\xe9t\xe9@s.example", b"a" * 900 + b"@s.example"):
                smtp.ask("RSET")
                if smtp.ask(b"MAIL FROM:<" + sender + b">").startswith("250"):
                    contains(smtp.ask("RCPT TO:<refused@example.org>"), "we do not want this", repr(sender))
                    line = self.policy.lines()[-1]
                    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line.line), repr(line.line)
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            smtp.ask("MAIL FROM:<größe@example.net> SMTPUTF8".encode())
            contains(smtp.ask("RCPT TO:<refused@example.org>"), "we do not want this")

    # -- reload, restart -----------------------------------------------------------

    def _talk_until(self, ended, service, recipients, complaints, seen):
        """Recipients again and again, on connections of its own."""
        while not ended.is_set():
            try:
                with self.postfix.client(service) as smtp:
                    smtp.greet()
                    for _ in range(40):
                        for recipient, want in recipients:
                            reply = smtp.recipient(recipient)
                            if not re.search(want, reply):
                                complaints.append((recipient, reply))
                            seen.append(reply)
                        if ended.is_set():
                            return
            except (OSError, EOFError) as error:
                complaints.append((service, repr(error)))

    def case_reloading_under_load_loses_no_request(self):
        ended, complaints, seen = threading.Event(), [], []
        recipients = (("refused@example.org", r"^554 5\.7\.1 .*id=live-\w+$"),
                      ("generation@example.org", r"^450 4\.7\.1 .*generation \d+; id=live-\w+$"),
                      ("slow@example.org", r"slept well"), ("passed@example.org", r"^250 "))
        threads = [threading.Thread(target=self._talk_until,
                                    args=(ended, service, recipients, complaints, seen))
                   for service in ("tcp", "local") * 4]
        for thread in threads:
            thread.start()
        try:
            for generation in range(2, 22):
                time.sleep(0.1)
                self.policy.write_rules(rules(generation))
                self.policy.reload()
                reply = self._rcpt("generation@example.org")
                contains(reply, f"generation {generation}; ", "the first request after the reload")
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        equal(complaints[:5], [], "complaints")
        assert len(seen) > 100, len(seen)
        self._no_default_action()

    def case_a_faulty_rule_file_is_not_taken(self):
        before = self._rcpt("generation@example.org")
        self.policy.write_rules(rules(99) + "\nlisten(")
        if os.path.exists(self.policy.control):
            equal(self.policy.reload(check=False), False, "reload")
        else:
            self.policy.reload()
        after = self._rcpt("generation@example.org")
        equal(re.search(r"generation \d+", after)[0], re.search(r"generation \d+", before)[0])
        self.policy.write_rules(rules(100))
        self.policy.reload()
        contains(self._rcpt("generation@example.org"), "generation 100;")

    def case_after_kill_9_and_a_start_Postfix_carries_on(self):
        for service in ("tcp", "local"):
            with self.postfix.client(service) as smtp:
                smtp.greet()
                contains(smtp.recipient("refused@example.org"), "we do not want this")
                for _ in range(3):
                    self.policy.kill()
                    start = time.monotonic()
                    self.policy.start()
                    took = time.monotonic() - start
                    contains(smtp.recipient("refused@example.org"), "we do not want this",
                             f"the start took {took:.2f} s")
                    contains(smtp.recipient("passed@example.org"), "250 ")
        self._no_default_action()

    def case_SIGTERM_under_load_answers_what_was_asked(self):
        replies = []

        def ask_slowly():
            replies.append(self._rcpt("slow@example.org"))

        threads = [threading.Thread(target=ask_slowly) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        status = self.policy.stop()
        self.policy.start()
        for thread in threads:
            thread.join()
        equal(status, 0, "exit status")
        equal([reply for reply in replies if "slept well" not in reply], [], "other replies")
        self._no_default_action()

    def case_default_action_fires_only_while_the_server_is_down(self):
        self._no_default_action()
        self.policy.stop()
        try:
            contains(self._rcpt("passed@example.org", "down"), MARK)
            self.postfix.wait_log(MARK)
        finally:
            self.policy.start()
        contains(self._rcpt("passed@example.org", "down"), "250 ")
        self._no_default_action()

    def case_nothing_is_wrong_in_the_logs(self):
        # What killing the server and refusing ETRN must bring with them.
        expected = re.compile(r"Connection reset|connect to .*(refused|No such file)|premature end-of-input"
                              r"|problem talking to server|Illegal address syntax|[Bb]roken pipe"
                              r"|warning: reject: ETRN|/down/smtpd")
        for line in self.postfix.log().splitlines():
            if re.search(r"(warning|error|fatal|panic): ", line) and not expected.search(line):
                raise AssertionError(line)
        for line in self.policy.log().splitlines():
            if line.startswith("error: ") and "rules.lua" not in line and "keeps configuration" not in line:
                raise AssertionError(line)
            if "Sanitizer" in line or "runtime error: " in line:
                raise AssertionError(line)


if __name__ == "__main__":
    sys.exit(run_cases(Live))
