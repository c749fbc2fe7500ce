#!/usr/bin/env python3
# live/test_hapolicy.py - a real Postfix that runs hapolicy with spawn(8), as master.cf of hapolicy 1.00 had it
# timeout: 300
# alone
import os
import shutil
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import ROOT, free_port, program, public_folder, wait_until  # noqa: E402
from postfix import Postfix  # noqa: E402
from tap import contains, equal, note, run_cases  # noqa: E402
from upstream import Upstream  # noqa: E402

# The second is the entry of hapolicy's own page, but for its path and addresses.
SPAWN = """\
127.0.0.1:@PORT@ inet n n n - 0 spawn
    user=nobody argv=@SCRIPT@ -l -s GREY1=@ONE@:10:1:2 -s GREY2=@TWO@:20:1:2 -d @DEFAULT@
127.0.0.1:@OWN@  inet    n       n       n       -       0       spawn
  user=nobody argv=@SCRIPT@ -l -s GREY1=@ONE@:10 -s GREY2=@TWO@:10
"""


def by_recipient(request, _):
    """What the recipient's name says."""
    recipient = next(line for line in request.decode().splitlines() if line.startswith("recipient="))[10:]
    return {"refused": "550 5.1.1 who is that", "later": "DEFER_IF_PERMIT come back",
            "held": "HOLD looked at"}.get(recipient.split("@")[0], "DUNNO")


class Spawned:
    def start(self):
        self.postfix = self.folder = None
        self.upstreams = [Upstream(by_recipient), Upstream(by_recipient)]
        self.folder = self._install()
        port, own = free_port(), free_port()
        master = SPAWN.replace("@PORT@", str(port)).replace("@OWN@", str(own)).replace("@SCRIPT@", os.path.join(self.folder, "bin", "hapolicy"))
        for name, value in (("@ONE@", self.upstreams[0].address), ("@TWO@", self.upstreams[1].address),
                            ("@DEFAULT@", "DEFER")):
            master = master.replace(name, value)
        services = {"tcp": port, "own": own}
        self.postfix = Postfix({name: {"smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{each}"}
                                for name, each in services.items()}, master)
        self.postfix.start()

    def _install(self):
        """As installed, where nobody can read it."""
        folder = public_folder("ppolicyd-hapolicy.")
        built = program("PPOLICYD", "build/plain/ppolicyd")
        for name in ("bin", "sbin", "sbin/modules"):
            os.mkdir(os.path.join(folder, name))
            os.chmod(os.path.join(folder, name), 0o755)
        for source, target in ((os.path.join(ROOT, "scripts", "hapolicy"), "bin/hapolicy"), (built, "sbin/ppolicyd"),
                               (os.path.join(os.path.dirname(built), "modules", "delegate.so"),
                                "sbin/modules/delegate.so")):
            shutil.copyfile(source, os.path.join(folder, target))
            os.chmod(os.path.join(folder, target), 0o755)
        return folder

    def stop(self):
        if self.postfix:
            self.postfix.remove()
        for each in self.upstreams:
            each.stop()
        if self.folder:
            shutil.rmtree(self.folder)

    def explain(self):
        return self.postfix.log()[-4000:] if self.postfix else ""

    def _rcpt(self, recipient):
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            return smtp.recipient(recipient)

    def case_actions_of_the_server_reach_the_client_as_they_came(self):
        contains(self._rcpt("passed@example.org"), "250 ")
        equal(self._rcpt("refused@example.org"),
              "550 5.1.1 <refused@example.org>: Recipient address rejected: who is that")
        equal(self._rcpt("later@example.org"),
              "450 4.7.1 <later@example.org>: Recipient address rejected: come back")

    def case_the_entry_of_its_page_works_after_changing_the_path(self):
        before = [len(each.requests) for each in self.upstreams]
        with self.postfix.client("own") as smtp:
            smtp.greet()
            for name, code in (("passed", "250 "), ("refused", "550 5.1.1 "), ("passed", "250 "), ("later", "450 4.7.1 ")):
                contains(smtp.recipient(f"{name}@example.org"), code)
        equal([len(each.requests) - count for each, count in zip(self.upstreams, before)], [2, 2])

    def case_all_that_postfix_sends_goes_on(self):
        self._rcpt("whole@example.org")
        request = next(each for each in self.upstreams[0].requests if b"recipient=whole@example.org\n" in each)
        lines = request.decode().splitlines()
        equal(lines[0], "request=smtpd_access_policy")
        for name in ("protocol_state=RCPT", "helo_name=client.example.net", "queue_id=", "policy_context="):
            assert name in lines, (name, lines)

    def case_a_mail_is_delivered(self):
        with self.postfix.client("tcp") as smtp:
            smtp.greet()
            contains(smtp.recipient("someone@example.org"), "250 ")
            contains(smtp.message("through hapolicy"), "250 ")
        self.postfix.wait_mail("through hapolicy")

    def case_several_clients_at_a_time_get_their_own_answers(self):
        wrong = []

        def client(number):
            with self.postfix.client("tcp") as smtp:
                smtp.greet()
                for i in range(10):
                    name, code = [("passed", "250"), ("refused", "550"), ("later", "450")][(number + i) % 3]
                    reply = smtp.recipient(f"{name}@example.org")
                    if not reply.startswith(code):
                        wrong.append((name, reply))

        threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        equal(wrong, [])

    def case_the_second_server_answers_when_the_first_is_gone_and_the_default_when_both_are(self):
        self.upstreams[0].stop()
        try:
            asked = len(self.upstreams[1].requests)
            contains(self._rcpt("refused@example.org"), "550 5.1.1 ")
            equal(len(self.upstreams[1].requests) > asked, True, "the second is asked")
            self.upstreams[1].stop()
            try:
                began = time.monotonic()
                contains(self._rcpt("refused@example.org"), "450 4.7.1 ")
                note(f"the default after {time.monotonic() - began:.2f} s")
            finally:
                self.upstreams[1].start()
        finally:
            self.upstreams[0].start()
        wait_until(lambda: self._rcpt("refused@example.org").startswith("550"), 90, "a server is asked again")


if __name__ == "__main__":
    sys.exit(run_cases(Spawned))
