"""Exploration: every full-dimensional critical region, found over neighbouring active sets.

An active set A of linearly independent rows gives multipliers lambda(theta) >= 0 and slacks(theta) >= 0; where both
hold is its critical region. At any theta the optimal active sets are the bases of one multiplier polytope, so
they are linked by single steps: drop a row whose multiplier reaches 0 on the region, add a row whose slack does,
or, where the added row depends on A, exchange it for a row whose multiplier it lowers. Regions without interior
are kept as stepping stones; without them regions get lost. Batches of sets are expanded by the compiled kernel on
any number of threads; what they find is taken in one fixed order, so that the result is the same to the last bit.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from mpc.explicit.active_sets import SeenSets, packed, unpacked
from mpc.explicit.errors import NumericalError
from mpc.explicit.kernels import REGION, Batch, expand
from mpc.explicit.least_distance import FEASIBLE, nearest, workspace
from mpc.explicit.limits import Limits
from mpc.explicit.presolve import LeastDistanceProblem
from mpc.explicit.solution import ZERO
from plants.arrays import Array

PIECE = 64  # active sets that one call of the kernel expands
ROUND = 16  # pieces between two looks at limits and progress
QUICK = 0.2  # seconds for which a search by one thread needs no thread of its own

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Exploration:
    """The active sets whose region has an interior, those of fewer rows first, over scaled theta.

    `active` and `tight` (p, q) tell the rows of M in the set, and all that hold with equality; `radius` (p,) and
    `centre` (p, t) are a largest ball; `facets` holds the codes (see kernels.Solution) of `facet_count` (p,) rows for
    each region. `explored` counts the active sets looked at; `partial` says why the search stopped early, if it did.
    """

    active: np.ndarray
    tight: np.ndarray
    radius: Array
    centre: Array
    facet_count: np.ndarray
    facets: np.ndarray
    explored: int
    partial: str


def explore(
    ldp: LeastDistanceProblem, progress: Progress | None = None, limits: Limits | None = None, threads: int = 1
) -> Exploration:
    """Return all full-dimensional regions, or as many as the limits allow.

    `progress` is called with (regions found, active sets waiting). Raises NumericalError if the start cannot be solved.
    """
    search, started = _Search(ldp, limits or Limits()), monotonic()
    with ThreadPoolExecutor(threads) as pool:  # beside the main thread, which Ctrl-C can then stop at any time
        for pieces in search.rounds():
            apply = map if threads == 1 and monotonic() - started < QUICK else pool.map
            for masks, batch in zip(pieces, apply(search.expanded, pieces), strict=True):
                search.take(masks, batch)
            if progress is not None:
                progress(search.regions, search.waiting)
    return search.result()


def optimal_set(ldp: LeastDistanceProblem, theta: Array) -> tuple[int, ...]:
    """Return an active set of independent rows that is optimal at scaled `theta`."""
    M, right = np.ascontiguousarray(ldp.M), ldp.d + ldp.D @ theta
    if not M.size:
        return ()
    work = workspace(M.shape[1])
    state = nearest(M, right, np.arange(len(right)), len(right), 0.0, -1, 0.0, np.inf, work)
    if state != FEASIBLE:
        raise NumericalError(f"the QP at the interior point theta = {theta} was not solved (state {state})")
    used = slice(0, int(work.size[0]))
    active = work.active[used][work.multipliers[used] > ZERO]
    return tuple(sorted(int(row) for row in active))


@dataclass(eq=False)
class _Search:
    """The sets seen, the place that the search has reached, and the regions found so far."""

    ldp: LeastDistanceProblem
    limits: Limits
    regions: int = 0
    partial: str = ""
    _reached: int = 0
    _bytes: int = 0
    _found: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        words = len(self.ldp.d) // 64 + 1
        self._tight = SeenSets(words)
        self._seen = SeenSets(words).add(packed([optimal_set(self.ldp, self.ldp.inside)], words))
        program = self.ldp.M, np.c_[self.ldp.d, self.ldp.D], self.ldp.E, self.ldp.e
        self._program = tuple(np.ascontiguousarray(part) for part in program)

    @property
    def waiting(self) -> int:
        """Return how many active sets are still to be expanded."""
        return len(self._seen) - self._reached

    def rounds(self) -> Iterator[list[np.ndarray]]:
        """Yield the sets that wait, a few pieces at a time, until none is left or a limit is reached."""
        while self.waiting and not self.partial:
            end = min(len(self._seen), self._reached + PIECE * ROUND)
            pieces = [self._seen[i : min(end, i + PIECE)].copy() for i in range(self._reached, end, PIECE)]
            self._reached = end
            yield pieces
            self.partial = self.limits.passed(self.regions, self._bytes + self._seen.nbytes if self.waiting else 0)

    def expanded(self, masks: np.ndarray) -> Batch:
        """Return what the kernel finds; reads only what never changes, so that threads may share it."""
        return Batch(*expand(masks, *self._program))

    def take(self, masks: np.ndarray, batch: Batch) -> None:
        """Keep the regions of a batch and queue its neighbours."""
        solid = batch.kind == REGION
        parts = masks, batch.tight, batch.radius, batch.centre, batch.facet_count
        self._found.append((*(part[solid] for part in parts), batch.facets))
        self.regions = len(self._tight.add(batch.tight[solid]))
        self._bytes += sum(part.nbytes for part in self._found[-1])
        self._seen.add(batch.neighbours)

    def result(self) -> Exploration:
        """Return the regions found, in order."""
        masks, tight, radius, centre, facet_count, facets = (np.concatenate(p) for p in zip(*self._found, strict=True))
        active, tight = (unpacked(m, len(self.ldp.d)) for m in (masks, tight))
        order = _order(active)
        if self.partial and self.limits.regions is not None:
            order = order[_of_first(tight[order], self.limits.regions)]
        count, start = facet_count[order], (np.cumsum(facet_count) - facet_count)[order]
        picked = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
        return Exploration(
            active[order],
            tight[order],
            radius[order],
            centre[order],
            count,
            facets[picked],
            len(self._seen) - self.waiting,
            self.partial,
        )


def _of_first(tight: np.ndarray, count: int) -> np.ndarray:
    """Return which active sets belong to the first `count` regions: those of the same tight rows are one."""
    _, first, group = np.unique(np.packbits(tight, axis=1), axis=0, return_index=True, return_inverse=True)
    return first[group.ravel()] < np.append(np.sort(first), len(tight))[min(count, len(first))]


def _order(active: np.ndarray) -> np.ndarray:
    """Return the order of active sets (p, q): fewer rows first, then by the rows' numbers."""
    absent = np.packbits(~active, axis=1)
    return np.lexsort((*absent.T[::-1], active.sum(axis=1)))
