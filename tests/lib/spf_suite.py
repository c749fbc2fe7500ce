# lib/spf_suite.py - test suites of SPF in the format of the RFC's, run by spf_check
"""A suite is a YAML file of sections, each with zonedata and tests; sections(path) reads one, and
run(sections, engine) gives a Case with what came of it for each test."""

import os
import subprocess

from policy import ROOT, built
from tap import Skip, equal

PROGRAM = built("SPF_CHECK", "tests/lib/spf_check")
RFC_SUITE = os.environ.get("SPF_SUITE") or os.path.join(ROOT, "..", "shared", "data", "spf", "rfc7208-tests.yml")
ENGINES = "strict", "libspf2"
TYPES = "TXT", "A", "AAAA", "MX", "PTR"


def code(text):
    """Bytes as the program reads and prints them; a character of a suite is a byte."""
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
    OUTCOME = "result", "mechanism", "said", "problem", "lookups", "questions", "rounds"

    def __init__(self, section, name, test):
        self.section, self.name, self.test = section, name, test

    def line(self):
        return f"check {code(self.test['host'])} {code(self.test['helo'])} {code(self.test['mailfrom'])}"

    def take(self, words):
        self.result, self.lookups, self.rounds, self.questions = words[0], *map(int, words[1:4])
        self.mechanism, self.said, self.problem, self.received, self.authentication = map(decode, words[4:])

    def wanted(self, engine):
        """The results that are right; libspf2 may have one of its own."""
        result = (engine == "libspf2" and self.test.get("libspf2")) or self.test["result"]
        return result if isinstance(result, list) else [result]

    def wrong(self, engine):
        if self.result not in self.wanted(engine):
            return f"{self.result}, wanted {' or '.join(self.wanted(engine))} ({self.problem or self.mechanism})"
        explanation = self.test.get("explanation")
        if explanation is not None and (self.said or "DEFAULT") != explanation:
            return f"explanation {self.said!r}, wanted {explanation!r}"
        return None


def sections(path):
    try:
        import yaml
    except ImportError:
        raise Skip("python3-yaml is not installed")
    if not os.path.exists(path):
        raise Skip("the RFC 7208 test suite is not here; SPF_SUITE names its file")
    with open(path, encoding="utf-8") as file:
        return [section for section in yaml.load_all(file, yaml.BaseLoader) if section]


def run(suite, engine):
    cases, lines = [], []
    for section in suite:
        lines += Zone(section["zonedata"]).lines()
        for name, test in section["tests"].items():
            cases.append(Case(section["description"], name, test))
            lines.append(cases[-1].line())
    done = subprocess.run([PROGRAM, engine], input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE)
    equal(done.returncode, 0, "exit status of spf_check")
    answers = done.stdout.splitlines()
    equal(len(answers), len(cases), "answers")
    for case, answer in zip(cases, answers):
        case.take(answer.split(" "))
    return cases
