"""print_progress: a line on the terminal while an explicit law is being found."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY = 0.5  # seconds between two lines
QUIET = 2.0  # seconds before the first one


def print_progress(stream: TextIO = sys.stderr) -> Callable[[int, int], None]:
    """Return a `progress` for solve_explicit that writes what has been found and the least time that is still needed.

    How many active sets there are is not known before the last one is reached; those that wait are a lower bound.
    """
    start = time.monotonic()
    shown = start + QUIET - EVERY

    def progress(regions: int, waiting: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now < shown + EVERY and (waiting or shown < start + QUIET):
            return
        shown = now
        left = f"at least {(now - start) * waiting / max(regions, 1):.0f} s more" if waiting else "done"
        line = f"\r{regions:,} regions found, {waiting:,} active sets waiting, {now - start:.0f} s, {left}   "
        print(line, end="" if waiting else "\n", file=stream, flush=True)

    return progress
