# lib/tap.py - named cases, printed as TAP
"""A test is a class with cases; run_cases() runs them in order and prints TAP.

    class Greeting:
        def case_the_server_says_hello(self):
            equal(talk(), "hello")

    if __name__ == "__main__":
        sys.exit(run_cases(Greeting))

A class may have start() and stop(), which run around all its cases.
"""

import signal
import sys
import traceback


class Skip(Exception):
    """Raised by start() or a case: not possible here, with the reason."""


def equal(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what + ': ' if what else ''}got {got!r}, wanted {want!r}")


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError(f"{what + ': ' if what else ''}no {part!r} in {text!r}")


def note(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


def run_cases(suite_class, only=None):
    """Returns the exit status. A failing start() fails all cases."""
    names = [name for name in vars(suite_class) if name.startswith("case_")]
    only = sys.argv[1:] if only is None else only
    if only:
        names = [name for name in names if any(part in name for part in only)]
    # What was started is stopped even when a time limit ends the test.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    suite = suite_class()
    try:
        if hasattr(suite, "start"):
            suite.start()
    except Skip as reason:
        print(f"1..1\nok 1 - {suite_class.__name__} # SKIP {reason}")
        return 1 if _stop(suite) else 0
    except BaseException:
        note(traceback.format_exc())
        print(f"1..1\nnot ok 1 - {suite_class.__name__} starts", flush=True)
        _stop(suite)
        return 1
    try:
        failed = _run_all(suite, names)
    except BaseException:
        _stop(suite)
        raise
    if failed and hasattr(suite, "explain"):
        note(suite.explain())
    return 1 if _stop(suite) or failed else 0


def _run_all(suite, names):
    failed = 0
    print(f"1..{len(names)}", flush=True)
    for number, name in enumerate(names, 1):
        sentence = name[len("case_"):].replace("_", " ")
        try:
            getattr(suite, name)()
            print(f"ok {number} - {sentence}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {sentence} # SKIP {reason}", flush=True)
        except Exception:
            failed += 1
            note(traceback.format_exc())
            print(f"not ok {number} - {sentence}", flush=True)
    return failed


def _stop(suite):
    try:
        if hasattr(suite, "stop"):
            suite.stop()
    except Exception:
        note(traceback.format_exc())
        return True
    return False
