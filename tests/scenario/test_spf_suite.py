#!/usr/bin/env python3
# test_spf_suite.py - both engines of SPF give what the RFC 7208 test suite wants
#
# The suite is no part of ppolicyd: SPF_SUITE names its file, rfc7208-tests.yml of pyspf; default:
# ../shared/data/spf/rfc7208-tests.yml beside the sources. With -v it prints what came of each case.
import os
import sys

ROOT = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from spf_suite import ENGINES, RFC_SUITE, run, sections  # noqa: E402
from tap import equal, note, run_cases  # noqa: E402

VERBOSE = "-v" in sys.argv


class SpfSuite:
    def start(self):
        suite = sections(RFC_SUITE)
        self.cases = {engine: run(suite, engine) for engine in ENGINES}
        for engine, cases in self.cases.items() if VERBOSE else ():
            for case in cases:
                note(f"{case.name}: {engine}: {case.result}, {case.lookups} terms, {case.questions} questions in "
                     f"{case.rounds} rounds; {case.received}; {case.authentication}")

    def all_right(self, engine):
        cases = self.cases[engine]
        wrong = [f"{case.section}: {case.name}: {case.wrong(engine)}" for case in cases if case.wrong(engine)]
        explained = [case for case in cases if "explanation" in case.test]
        note(f"{engine}: {len(cases) - len(wrong)} of {len(cases)} are right, "
             f"{sum(not case.wrong(engine) for case in explained)} of {len(explained)} with an explanation")
        equal("\n".join(wrong), "")
        assert len(cases) >= 203 and len(explained) >= 22, "the suite is not whole"

    def case_all_results_and_explanations_are_those_of_the_suite(self):
        self.all_right("strict")

    def case_so_they_are_by_libspf2(self):
        self.all_right("libspf2")

    def case_few_rounds_are_needed(self):
        for engine, cases in self.cases.items():
            rounds = [case.rounds for case in cases]
            questions = [case.questions for case in cases]
            note(f"{engine}: rounds: {sum(rounds) / len(rounds):.1f} on average, {max(rounds)} at most; "
                 f"questions: {sum(questions) / len(questions):.1f}, {max(questions)}")
            assert max(rounds) <= 12, "a record needs more rounds than it has terms that look up"

    def case_a_header_field_is_one_line_of_printable_text(self):
        for case in sum(self.cases.values(), []):
            for line in case.received, case.authentication:
                assert line.isascii() and line.isprintable() and len(line) <= 990, line
            assert case.received.startswith(f"Received-SPF: {case.result} (mx.example.net: "), case.received


if __name__ == "__main__":
    sys.exit(run_cases(SpfSuite, [word for word in sys.argv[1:] if word != "-v"]))
