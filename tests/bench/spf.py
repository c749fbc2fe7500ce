# bench/spf.py - what an evaluation of SPF costs, by each engine
import json
import statistics
import subprocess

from policy import built
from servers import pinned


def bench_spf(output, cpus, pairs, seconds):
    """In a process without a server: all of DNS is known."""
    program = built("SPF", "tests/bench/spf")
    got = subprocess.run(pinned(cpus[:1], program, str(pairs), str(seconds / 3)), stdout=subprocess.PIPE,
                         text=True, check=True)
    runs = {}
    for line in got.stdout.splitlines():
        run = json.loads(line)
        output.record(spf=run)
        runs.setdefault(run["record"], []).append(run)
    output.say(f"\nSPF, DNS known: ns each  {'strict':>8} {'libspf2':>8} {'ratio':>6} {'bare':>8} {'ratio':>6}")
    for record, pairs_of in runs.items():
        strict, libspf2, bare = ([run[f"{name}_ns"] for run in pairs_of] for name in ("strict", "libspf2", "bare"))
        ratios = [statistics.median(other / one for one, other in zip(strict, others)) for others in (libspf2, bare)]
        output.say(f"  {record:23} {statistics.median(strict):8.0f} {statistics.median(libspf2):8.0f} "
                   f"{ratios[0]:6.2f} {statistics.median(bare):8.0f} {ratios[1]:6.2f}")
