"""python -m benchmarks.single_state_peer LAW.npz SECONDS: PPOPT's evaluate, measured at each line read.

Runs in the environment of the peers. Prints microseconds of processor time for a state.
"""

import sys
import time

import numpy as np
from ppopt.critical_region import CriticalRegion
from ppopt.solution import Solution


def main(path: str, seconds: float) -> None:
    """Answer each line of standard input with a figure, measured then."""
    with np.load(path, allow_pickle=False) as data:
        arrays = {key: data[key] for key in data.files}
    regions, none = [], np.zeros((0, 1))
    for i, (gain, offset) in enumerate(zip(arrays["gains"], arrays["offsets"], strict=True)):
        rows = arrays["owner"] == i
        regions.append(
            CriticalRegion(gain, offset[:, None], none, none, arrays["A"][rows], arrays["b"][rows, None], [])
        )
    solution, points, place = Solution(None, regions), arrays["points"][:, :, None], 0
    for _ in sys.stdin:
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds or count < 3:
            if solution.evaluate(points[place % len(points)]) is None:
                raise SystemExit("PPOPT finds no region for a state of the domain")
            place, count = place + 1, count + 1
        sys.stdout.write(f"{1e6 * spent / count}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
