"""The judge: holes, wrong answers and overlaps of what a solver found, counted at points that the oracle is sure of.

All laws are located alike: the region of least violation answers. A point is in a hole if it has a solution
and no region comes within REACH of it; an answer is wrong if it differs from the solution by more than WRONG (1 + its
size), or where none exists; two regions overlap where a point lies deeper than DEPTH in both.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.solver.oracle import Oracle
from benchmarks.solver.pieces import Pieces
from benchmarks.solver.points import facet_points, random_points

REACH = 1e-8  # half widths of the parameter set
DEPTH = 1e-7
WRONG = 1e-6
CHUNK = 2_000_000  # entries of points x rows at once


@dataclass(frozen=True)
class Verdict:
    """Counts of points; `error` is the largest scaled error of an answer. The `unsure` ones are in no other count."""

    points: int = 0
    feasible: int = 0
    unsure: int = 0
    holes: int = 0
    wrong: int = 0
    overlaps: int = 0
    error: float = 0.0

    @property
    def clean(self) -> bool:
        return self.feasible > 0 and self.holes == self.wrong == self.overlaps == 0


class Judge:
    """Knows the solutions at the random points of one problem, and tries any solver's pieces against them."""

    def __init__(self, oracle: Oracle, points: int, facets: int) -> None:
        self.oracle, self.facets = oracle, facets
        self.points = random_points(oracle, points)
        self.answers = [oracle.solve(theta) for theta in self.points]

    def verdict(self, pieces: Pieces) -> Verdict:
        measured = pieces.measured(self.oracle.set_of_parameters[1])
        across = facet_points(self.oracle, measured, self.facets)
        answers = [*self.answers, *(self.oracle.solve(theta) for theta in across)]
        return compared(measured, np.vstack([self.points, across]), answers)


def compared(pieces: Pieces, points: np.ndarray, answers: list[tuple[str, np.ndarray | None]]) -> Verdict:
    """The verdict on pieces (rows measured in half widths) at points (k, t) with their answers."""
    known = {"optimal": 0, "infeasible": 0, "unsure": 0}
    holes = wrong = 0
    error = 0.0
    best, least, deep = located(pieces, points)
    for theta, (status, z), region, violation in zip(points, answers, best, least, strict=True):
        known[status] += 1
        if status == "unsure":
            continue
        answered = violation <= REACH
        if z is None:
            wrong += bool(answered)
        elif not answered:
            holes += 1
        else:
            off = np.abs(pieces.gains[region] @ theta + pieces.offsets[region] - z).max() / (1 + np.abs(z).max())
            error, wrong = max(error, float(off)), wrong + bool(not off <= WRONG)
    sure = np.array([status != "unsure" for status, _ in answers], dtype=bool)
    overlaps = int((deep[sure] > 1).sum())
    return Verdict(len(points), known["optimal"], known["unsure"], holes, wrong, overlaps, error)


def located(pieces: Pieces, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point: the region of least violation, that violation, and in how many regions it lies deep."""
    k = len(points)
    best, least, deep = np.zeros(k, dtype=int), np.full(k, np.inf), np.zeros(k, dtype=int)
    if not len(pieces):
        return best, least, deep
    step = max(1, CHUNK // len(pieces.b))
    for start in range(0, k, step):
        block = slice(start, start + step)
        violation = pieces.violation(points[block])
        best[block], least[block] = violation.argmin(axis=1), violation.min(axis=1)
        deep[block] = (violation < -DEPTH).sum(axis=1)
    return best, least, deep
