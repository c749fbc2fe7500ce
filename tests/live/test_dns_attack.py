#!/usr/bin/env python3
# live/test_dns_attack.py - senders whose DNS is slow, silent or without an end: what it costs, and whom
# timeout: 240
# alone
#
# How many questions a mail makes the server ask is counted where they arrive, and printed. How long others
# wait meanwhile is measured by tests/bench/run --dns; here is a generous bound.
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from dns_servers import Responder  # noqa: E402
from policy import PolicyClient, PolicyServer, encode, wait_until  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

TOGETHER = 60    # mails of an attacker at a time
OTHERS_MAX = 2   # seconds that others wait at most, on a machine that is slow and shared
DEADLINE = 4     # seconds
LATE = 350       # ms
TRIES = 2
RULES = """
server { name = "mx1", loops = 1, deadline = "@DEADLINE@s", modules = { "@MODULES@" } }
dns { servers = { "@DNS@" }, timeout = "500ms", tries = @TRIES@ }
sender = check.spf { keep = "0s" }
helo = check.spf { keep = "0s", identity = "helo" }
known = check.list { attribute = "sender", inline = { "known@example.net" }, keep = "1h" }
function attacked(req)
    local one, other = sender(req), helo(req)
    return info(one.word .. " " .. other.word .. " " .. one.text)
end
function ordinary(req)
    if known(req).found then return reject("5.7.1", "known for no good") end
    return dunno()
end
listen("inet:127.0.0.1:@PORT@", attacked)
listen("unix:@FOLDER@/ordinary.sock", ordinary)
"""

# A record, ten terms that are looked up ahead, and as many that turn out to be wanted.
WIDE = 1 + 10 + 10
HOSTS = 1 + 10 + 10 * 10
# The label that tells the name server what to say, and how many look-ups of one check that may be: a
# record, ten terms, ten names for each.
ATTACKS = {
    "chain": ("a chain of includes without an end", 11),
    "wide": ("ten includes of ten, without an end", WIDE),
    "mx": ("ten mx of ten hosts", HOSTS),
    "hosts": ("ten mx of forty hosts", 11),
    "ptr": ("fifty names of the client", 12),
    "void": ("ten names that are not there", 11),
    "alias": ("an alias of an alias, without an end", 1),
    "silent": ("silence", 1),
    "mute": ("ten mx of ten hosts, which are silent", HOSTS),
}


class Attack:
    def start(self):
        self.fast, self.late = Responder(), Responder(LATE)
        self.server = PolicyServer(self.rules(self.fast))
        self.server.start()
        self.mails = 0

    def stop(self):
        status = self.server.remove()
        self.fast.stop()
        self.late.stop()
        equal(status, 0, "exit status of ppolicyd")

    def explain(self):
        return self.server.log()[-3000:]

    def rules(self, names):
        return RULES.replace("@DNS@", names.address).replace("@DEADLINE@", str(DEADLINE)).replace(
            "@TRIES@", str(TRIES))

    def send_mails(self, label, count):
        """Each of another client and of a domain of its own."""
        clients = [PolicyClient(f"inet:127.0.0.1:{self.server.port}") for _ in range(count)]
        for client in clients:
            self.mails += 1
            domain = f"d{self.mails}.{label}.example.net"
            client.socket.sendall(encode(sender=f"a@{domain}", helo_name=f"helo.{domain}",
                                         client_address=f"198.51.{100 + self.mails // 256}.{self.mails % 256}"))
            client.socket.setblocking(False)
        return clients

    def attack(self, label, count):
        """Answers, seconds until they were all there, and how long others waited, who asked meanwhile."""
        other = PolicyClient(f"unix:{self.server.folder}/ordinary.sock")
        began, waits, answers = time.monotonic(), [], []
        clients = self.send_mails(label, count)
        while clients:
            asked = time.monotonic()
            equal(other.ask(sender=f"user{len(waits)}@example.org"), "DUNNO")
            waits.append(time.monotonic() - asked)
            for client in list(clients):
                try:
                    answers.append(client.reply())
                    clients.remove(client)
                    client.close()
                except BlockingIOError:
                    pass
            time.sleep(0.002)
            assert time.monotonic() - began < 60, f"{len(clients)} mails are not answered"
        other.close()
        return answers, time.monotonic() - began, waits

    def dns(self):
        return json.loads(self.server.ctl("--json", "status").splitlines()[0])["dns"]

    def measure(self, names, label, count=TOGETHER):
        what, limit = ATTACKS[label]
        before, arrived_before = self.dns(), names.asked()
        answers, seconds, waits = self.attack(label, count)
        # Of those too that nobody waits for any longer.
        wait_until(lambda: self.dns()["open"] == 0, 30, "all are answered")
        after, arrived = self.dns(), names.asked() - arrived_before
        asked = after["look_ups"] - before["look_ups"] - (after["not_asked"] - before["not_asked"])
        words = sorted({" ".join(answer.split(" ")[1:3]) for answer in answers})
        note(f"{what}: of {count} mails each {asked / count:.1f} look-ups, {arrived / count:.1f} questions, "
             f"{seconds:.2f} s; {', '.join(words)}; others wait {max(waits) * 1000:.1f} ms at most")
        # SPF is asked about two names.
        assert asked <= 2 * limit * count, f"{asked} look-ups of {count} mails"
        assert arrived <= TRIES * asked, f"{arrived} questions of {asked} look-ups"
        assert seconds < DEADLINE + OTHERS_MAX, seconds
        assert max(waits) < OTHERS_MAX, max(waits)
        assert not any("pass" in word for word in words), words
        return asked / count, words

    def use(self, names):
        self.server.write_rules(self.rules(names))
        self.server.reload()

    def case_no_dns_makes_one_mail_ask_more_than_it_may(self):
        for label, (_, limit) in ATTACKS.items():
            asked, _ = self.measure(self.fast, label, 1)
            # An attack that asks little would show nothing.
            assert asked >= 2 * min(limit, 11), asked

    def case_nor_many_mails(self):
        for label in ATTACKS:
            self.measure(self.fast, label)

    def case_nor_when_each_answer_is_late(self):
        self.use(self.late)
        for label in ATTACKS:
            self.measure(self.late, label)

    def case_what_does_not_come_is_unknown(self):
        self.use(self.fast)
        for label in ("silent", "mute"):
            equal(self.measure(self.fast, label, 1)[1], ["unknown unknown"])


if __name__ == "__main__":
    sys.exit(run_cases(Attack))
