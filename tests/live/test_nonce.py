#!/usr/bin/env python3
# live/test_nonce.py - no reply is lost, doubled or swapped
# timeout: 900
# alone
"""200 connections ask a server of 4 loops, in every manner a client can; the rules
are reloaded meanwhile. NONCE_REQUESTS is how many (default 2,000,000)."""
import collections
import json
import os
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from policy import PolicyServer, built  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

REQUESTS = int(os.environ.get("NONCE_REQUESTS", "2000000"))
LOGGED = min(20000, REQUESTS)
WRONG = ("lost", "doubled", "swapped", "mixed", "malformed", "unasked", "closed", "unclosed")


def rules(level):
    with open(os.path.join(HERE, "nonce.lua"), encoding="utf-8") as file:
        return file.read().replace("@LEVEL@", level)


class Nonce:
    def start(self):
        self.policy = None
        self.client = built("NONCE", "tests/bench/nonce")
        if not os.path.exists(self.client):
            raise AssertionError(f"{self.client} is not built (make check builds it)")
        self.policy = PolicyServer(rules("info"))
        with open(os.path.join(self.policy.folder, "senders"), "w", encoding="ascii") as file:
            file.writelines(f"user{number}@example.net number={number}\n" for number in range(0, 512, 2))
        self.policy.start()

    def stop(self):
        if self.policy:
            self.policy.remove()

    def explain(self):
        return f"-- ppolicyd:\n{self.policy.log()[-4000:]}"

    def _run(self, requests, seed):
        """What the client counted."""
        with subprocess.Popen([self.client, "-n", str(requests), "-s", str(seed), *self.policy.addresses()],
                              stdout=subprocess.PIPE) as client:
            output = client.stdout.read()
        if not output:
            raise AssertionError(f"the client ended with {client.returncode}")
        counted = json.loads(output)
        note(output.decode().strip())
        equal({name: counted[name] for name in WRONG}, dict.fromkeys(WRONG, 0))
        equal(client.returncode, 0, "exit status of the client")
        assert counted["answered"] + counted["abandoned"] >= requests, counted
        return counted

    def case_each_request_gets_its_own_reply_and_its_own_line_in_the_log(self):
        counted = self._run(LOGGED, 1)
        lines = self.policy.lines()
        instances = collections.Counter(line.values["instance"] for line in lines)
        equal([instance for instance, count in instances.items() if count > 1][:5], [], "logged twice")
        # Those a client did not wait for may or may not have been asked in full.
        logged = len(instances)
        assert counted["answered"] <= logged <= counted["answered"] + counted["abandoned"], (counted, logged)
        equal(len({line.id for line in lines}), len(lines), "different ids")
        for line in lines:
            nonce = re.search(r"nonce=(\S+)", line.text)
            if nonce and nonce[1] != line.values["instance"]:
                raise AssertionError(line.line)

    def case_no_reply_is_lost_doubled_or_swapped_while_rules_are_reloaded(self):
        self.policy.write_rules(rules("error"))
        self.policy.reload()
        ended, troubles, reloads = threading.Event(), [], []

        def reload_each_second():
            while not ended.wait(1):
                try:
                    self.policy.reload()
                    reloads.append(1)
                except Exception as trouble:
                    troubles.append(trouble)

        thread = threading.Thread(target=reload_each_second)
        thread.start()
        try:
            counted = self._run(REQUESTS, 2)
        finally:
            ended.set()
            thread.join()
        equal(troubles, [], "reloads")
        rate = (counted["answered"] + counted["abandoned"]) / counted["seconds"]
        note(f"{len(reloads)} reloads, {rate:.0f} requests a second")
        self.kinds = counted["kinds"]

    def case_every_kind_of_request_was_asked_and_the_failing_ones_failed(self):
        equal([kind for kind, (answered, _) in self.kinds.items() if answered == 0], [], "never answered")
        for kind in ("late", "failing", "deadline"):
            answered, unknown = self.kinds[kind]
            equal(unknown, answered, f"unknown answers to {kind}")
        answered, unknown = self.kinds["sleep"]
        assert unknown < answered, "sleeping checks are never done"

    def case_the_server_is_well_and_ends_with_status_0(self):
        pid = self.policy.process.pid
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        assert descriptors < 100, f"{descriptors} descriptors are open when all clients are gone"
        equal(self.policy.stop(), 0, "exit status")
        log = self.policy.log()
        for sign in ("Sanitizer", "runtime error: "):
            assert sign not in log, log[-3000:]


if __name__ == "__main__":
    sys.exit(run_cases(Nonce))
