#!/usr/bin/env python3
# test_spf_engines.py - lists where the engines of SPF differ, over the RFC's suite and our own records
#
# For each difference it prints the case, what each engine makes of it, and why. It fails where
# nothing explains one, and where what is said to differ does not. Our records are those of
# spf_records.yml: a case may have a result of its own for libspf2, with the reason in `difference`.
# The RFC's suite is found as test_spf_suite.py finds it; the engines do not differ over it.
import os
import sys

ROOT = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from spf_suite import RFC_SUITE, Case, run, sections  # noqa: E402
from tap import Skip, equal, note, run_cases  # noqa: E402

OWN_SUITE = os.path.join(ROOT, "tests", "scenario", "spf_records.yml")


def differences(strict, libspf2):
    """What of the outcomes is not the same, as text."""
    return [f"{what}: strict {getattr(strict, what)!r}, libspf2 {getattr(libspf2, what)!r}"
            for what in Case.OUTCOME if getattr(strict, what) != getattr(libspf2, what)]


class SpfEngines:
    def compare(self, suite):
        unexplained, found = [], 0
        pairs = list(zip(run(suite, "strict"), run(suite, "libspf2")))
        for strict, libspf2 in pairs:
            differ, why = differences(strict, libspf2), strict.test.get("difference")
            if differ:
                found += 1
                note(f"{strict.name}: {why or 'NOT EXPLAINED'}")
                note("\n".join("    " + difference for difference in differ))
            if bool(differ) != (why is not None):
                unexplained.append(f"{strict.name}: " + (", ".join(differ) or "there is no difference"))
        note(f"{found} of {len(pairs)} differ")
        equal("\n".join(unexplained), "", "not explained")
        return pairs

    def case_over_the_suite_of_the_rfc_they_do_not_differ(self):
        self.compare(sections(RFC_SUITE))

    def case_over_our_own_records_each_difference_is_explained(self):
        self.compare(sections(OWN_SUITE))

    def case_our_own_records_have_the_results_of_the_rfc(self):
        suite = sections(OWN_SUITE)
        for engine in "strict", "libspf2":
            cases = run(suite, engine)
            note(f"{engine}: {len(cases)} cases")
            equal("\n".join(f"{case.name}: {case.wrong(engine)}" for case in cases if case.wrong(engine)), "", engine)
            assert cases, "there are none"


if __name__ == "__main__":
    sys.exit(run_cases(SpfEngines))
