#!/usr/bin/env python3
# test_spf_suite.py - the evaluator of SPF gives what the RFC 7208 test suite wants
#
# The suite is no part of ppolicyd: SPF_SUITE names its file, rfc7208-tests.yml of pyspf; default:
# ../shared/data/spf/rfc7208-tests.yml beside the sources. With -v it prints what came of each case.
import os
import subprocess
import sys

ROOT = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from tap import Skip, equal, note, run_cases  # noqa: E402

PROGRAM = os.path.join(os.environ.get("top_builddir", ROOT), "tests", "lib", "spf_check")
SUITE = os.environ.get("SPF_SUITE") or os.path.join(ROOT, "..", "shared", "data", "spf", "rfc7208-tests.yml")
TYPES = "TXT", "A", "AAAA", "MX", "PTR"
VERBOSE = "-v" in sys.argv


def code(text):
    """Bytes as the program reads and prints them; a character of the suite is a byte."""
    return "x" + (text if isinstance(text, bytes) else text.encode("latin-1")).hex()


def decode(word):
    return bytes.fromhex(word[1:]).decode("latin-1")


def texts_of(record):
    return "".join(record) if isinstance(record, list) else record


class Zone:
    """zonedata: a name has records {TYPE: data} and TIMEOUT. SPF stands for TXT too, unless the name
    has TXT of its own; TXT: NONE is none."""

    def __init__(self, data):
        self.names = {name.lower(): records for name, records in data.items()}

    def records(self, name, wanted):
        for record in self.names.get(name, []):
            if isinstance(record, dict):
                yield from (value for key, value in record.items() if key == wanted)

    def aliased(self, name):
        """The name at the end of aliases; None: they have none."""
        for _ in range(8):
            alias = next(self.records(name, "CNAME"), None)
            if alias is None:
                return name
            name = alias.lower().rstrip(".")
        return None

    def data(self, name, kind):
        """The records of a type; None: no answer."""
        name = self.aliased(name)
        if name is None:
            return None
        own = list(self.records(name, kind))
        if kind == "TXT":
            own = [texts_of(text) for text in own or self.records(name, "SPF") if text != "NONE"]
        if kind == "MX":
            own = [host for _, host in own]
        if kind in ("MX", "PTR"):
            own = [host.rstrip(".") for host in own]
        return None if not own and "TIMEOUT" in self.names.get(name, []) else own

    def lines(self):
        yield "clear"
        for name in self.names:
            for kind in TYPES:
                data = self.data(name, kind)
                if data is None:
                    yield f"fail {code(name)} {kind}"
                for one in data or []:
                    yield f"record {code(name)} {kind} {code(one)}"


class Case:
    def __init__(self, section, name, test):
        self.section, self.name, self.test = section, name, test
        result = test["result"]
        self.results = result if isinstance(result, list) else [result]
        self.explanation = test.get("explanation")

    def line(self):
        return f"check {code(self.test['host'])} {code(self.test['helo'])} {code(self.test['mailfrom'])}"

    def take(self, words):
        self.result, self.lookups, self.rounds, self.questions = words[0], *map(int, words[1:4])
        self.mechanism, self.said, self.problem, self.received, self.authentication = map(decode, words[4:])

    def wrong(self):
        if self.result not in self.results:
            return f"{self.result}, wanted {' or '.join(self.results)} ({self.problem or self.mechanism})"
        if self.explanation is not None and (self.said or "DEFAULT") != self.explanation:
            return f"explanation {self.said!r}, wanted {self.explanation!r}"
        return None


class SpfSuite:
    def start(self):
        try:
            import yaml
        except ImportError:
            raise Skip("python3-yaml is not installed")
        if not os.path.exists(SUITE):
            raise Skip("the RFC 7208 test suite is not here; SPF_SUITE names its file")
        with open(SUITE, encoding="utf-8") as file:
            self.sections = [section for section in yaml.load_all(file, yaml.BaseLoader) if section]
        self.cases = []
        lines = []
        for section in self.sections:
            lines += Zone(section["zonedata"]).lines()
            for name, test in section["tests"].items():
                self.cases.append(Case(section["description"], name, test))
                lines.append(self.cases[-1].line())
        run = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE)
        equal(run.returncode, 0, "exit status of spf_check")
        answers = run.stdout.splitlines()
        equal(len(answers), len(self.cases), "answers")
        for case, answer in zip(self.cases, answers):
            case.take(answer.split(" "))
            if VERBOSE:
                note(f"{case.name}: {case.result}, {case.lookups} terms, {case.questions} questions in "
                     f"{case.rounds} rounds; {case.received}; {case.authentication}")

    def case_all_results_and_explanations_are_those_of_the_suite(self):
        wrong = [f"{case.section}: {case.name}: {case.wrong()}" for case in self.cases if case.wrong()]
        explained = [case for case in self.cases if case.explanation is not None]
        note(f"{len(self.cases) - len(wrong)} of {len(self.cases)} are right, "
             f"{sum(not case.wrong() for case in explained)} of {len(explained)} with an explanation")
        equal("\n".join(wrong), "")
        assert len(self.cases) >= 203 and len(explained) >= 22, "the suite is not whole"

    def case_few_rounds_are_needed(self):
        rounds = [case.rounds for case in self.cases]
        questions = [case.questions for case in self.cases]
        note(f"rounds: {sum(rounds) / len(rounds):.1f} on average, {max(rounds)} at most; "
             f"questions: {sum(questions) / len(questions):.1f}, {max(questions)}")
        assert max(rounds) <= 12, "a record needs more rounds than it has terms that look up"

    def case_a_header_field_is_one_line_of_printable_text(self):
        for case in self.cases:
            for line in case.received, case.authentication:
                assert line.isascii() and line.isprintable() and len(line) <= 990, line
            assert case.received.startswith(f"Received-SPF: {case.result} (mx.example.net: "), case.received


if __name__ == "__main__":
    sys.exit(run_cases(SpfSuite, [word for word in sys.argv[1:] if word != "-v"]))
