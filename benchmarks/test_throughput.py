"""The bars of plant steps per second, 1,024 rows at a time on one core; run by `make bench`."""

import sys

from benchmarks.throughput import BARS, bars, measured


def test_pendulum_and_reactor_reach_their_bars(capsys):
    found = measured({})
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(bars(found)) + "\n")
    assert not [name for name, least in BARS.items() if found[name].ours < least]
