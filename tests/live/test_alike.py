#!/usr/bin/env python3
# live/test_alike.py - the tests of the store and of what keeps things in it, on a real MariaDB
# timeout: 600
# alone
#
# The same files run in the fast suite, and as test_race.py, on SQLite.
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "lib"))

from mariadb import MariaDB  # noqa: E402
from policy import built  # noqa: E402
from tap import note, run_cases  # noqa: E402


class Alike:
    def start(self):
        self.database = MariaDB(name="alike").start()

    def stop(self):
        self.database.remove()

    def run(self, *command, **more):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500,
                              env={**os.environ, "TEST_MYSQL": self.database.socket, **more})
        text = done.stdout.decode("utf-8", "backslashreplace")
        skipped = re.findall(r"^ok \d+ - (.*) # SKIP", text, re.M)
        passed = len(re.findall(r"^ok ", text, re.M)) - len(skipped)
        note(f"{os.path.basename(command[-1])}: {passed} passed" +
             (f", not run here: {'; '.join(skipped)}" if skipped else ""))
        if done.returncode != 0 or passed == 0:
            raise AssertionError(text[-6000:])

    def python(self, name, **more):
        self.run(sys.executable, os.path.join(TESTS, name), **more)

    def case_the_store_itself(self):
        self.run(built("TEST_STORE", "tests/unit/test_store"))

    def case_kept_answers(self):
        self.python("scenario/test_store.py")

    def case_greylist(self):
        self.python("scenario/test_greylist.py")

    def case_lists(self):
        self.python("scenario/test_list_sql.py")

    def case_eight_writers_on_two_gateways(self):
        self.python("live/test_race.py", RACE_TRIPLETS=os.environ.get("RACE_TRIPLETS") or "2000")


if __name__ == "__main__":
    sys.exit(run_cases(Alike))
