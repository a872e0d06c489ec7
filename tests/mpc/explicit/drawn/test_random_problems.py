"""Random problems, a third of them degenerate: certified; no hole, nothing wrong, no overlap, by an oracle of its own.

The suite runs the first 40. RANDOM_PROBLEMS=300 in the environment runs all 300; RANDOM_PROBLEMS=120:180 a part.
`python -m benchmarks.certify_random` certifies all 300 in a minute, without the oracle.
"""

import itertools
import os
from collections import Counter
from functools import cached_property

import daqp
import numpy as np
import pytest
from scipy.optimize import linprog

RANGE = os.environ.get("RANDOM_PROBLEMS", "40").split(":")
NUMBERS = range(0 if len(RANGE) == 1 else int(RANGE[0]), int(RANGE[-1]))
MEETS = 1e-11  # half widths: a region this close to a point must answer rightly there
SILENT = 1e-10  # half widths: a point farther than this from all regions has no answer
RIGHT = 1e-9  # of the solution, in variables for which H has a diagonal of 1
EDGE = 1e-6  # half widths: what is feasible this far to all sides is no border
OVERLAP = 1e-8  # half widths: radius of a ball in two regions
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
THIN = {37: 340, 82: 411, 163: 127}  # regions of problems with regions of radii down to 5e-9 half widths
STEPS = (0.0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-6, -1e-6)
SAMPLES, FACETS, CORNERS = (60, 250, 120) if "RANDOM_PROBLEMS" in os.environ else (30, 40, 20)


class Audit:
    """A law beside a reference at random, facet, vertex and switch points, all in the coordinates s of a draft."""

    def __init__(self, draft, law, reference, seed=0):
        self.draft, self.law, self.reference = draft, law, reference
        self.generator = np.random.default_rng(seed)
        self.rows = [self._local(r.A, r.b) for r in law.regions]
        self.outer = self._local(draft.A_theta, draft.b_theta)
        self.gains = np.stack([r.solution_gain for r in law.regions])
        self.levels = np.stack([r.solution_offset for r in law.regions])
        self.found = Counter()
        self.places = []

    def run(self):
        for kind in ("random", "facets", "corners", "switches"):
            for s in getattr(self, kind)():
                if (self.outer[0] @ s <= self.outer[1]).all():
                    self._look(s, kind)
        for i, j in itertools.combinations(range(len(self.rows)), 2):
            A, b = (np.concatenate(parts) for parts in zip(self.rows[i], self.rows[j], strict=True))
            if nearest(np.zeros(A.shape[1]), A, b - OVERLAP) is not None:
                self._note("overlap", f"regions {i} and {j}")
        return self

    def random(self):
        return [self._s(p) for p in self.draft.parameters(self.generator, SAMPLES)]

    @cached_property
    def centres(self):
        return [self._s(r.centre) for r in self.law.regions]

    def facets(self):
        """A point on every facet (of a few hundred), away from its border where there is room, and both its sides."""
        pairs = [(region, row) for region, (_, b) in enumerate(self.rows) for row in range(len(b))]
        for k in self.generator.permutation(len(pairs))[:FACETS]:
            region, row = pairs[k]
            A, b = self.rows[region]
            inner = b - 1e-3 * max(0.0, self.law.regions[region].radius)
            inner[row] = b[row]
            level = np.r_[inner, -b[row]], np.r_[b, -b[row]]
            rows = np.vstack([A, -A[row]])
            points = [nearest(self.centres[region], rows, right) for right in level]
            point = next((p for p in (*points, some_point(rows, level[1])) if p is not None), None)
            if point is None:
                self._note("idle row", f"region {region} row {row}")
            else:
                yield from (point + step * A[row] for step in STEPS)

    def corners(self):
        """The points of regions that are nearest to far points: vertices and edges for the most part."""
        for region in self.generator.integers(0, len(self.rows), CORNERS):
            far = 100 * self.generator.normal(size=self.draft.basis.shape[1])
            point = nearest(far, *self.rows[region])
            if point is not None:
                way = (self.centres[region] - point) / max(np.linalg.norm(self.centres[region] - point), 1e-300)
                yield from (point + step * way for step in STEPS[:4])

    def switches(self):
        """Both sides of changes in what the reference finds active, or of the border of the feasible set."""
        points = self.random()
        for a, b in zip(points[: len(points) // 2], points[len(points) // 2 :], strict=False):
            left, right, mark = a, b, self._mark(a)
            if mark == self._mark(b):
                continue
            for _ in range(50):
                middle = (left + right) / 2
                left, right = (middle, right) if self._mark(middle) == mark else (left, middle)
            yield left
            yield right

    def _mark(self, s):
        z, problem = self.reference(self._theta(s)), self.draft.problem
        if z is None:
            return None
        slack = problem.w + problem.S @ self._theta(s) - problem.G @ z
        size = np.abs(problem.G) @ np.abs(z) + np.abs(problem.w) + 1e-300
        return tuple(slack <= 1e-9 * size)

    def _look(self, s, kind):
        theta = self._theta(s)
        try:
            expected = self.reference(theta)
        except AssertionError:
            self._note("unsure", (kind, theta))
            return
        violation = np.array([(A @ s - b).max() for A, b in self.rows])
        if (violation < -OVERLAP).sum() > 1:
            self._note("overlap", (kind, theta))
        if expected is None:
            if violation.min() < -SILENT and self.reference.violation(theta) > 1e-7:
                self._note("ghost", (kind, theta))
            return
        if violation.min() > SILENT and self._inside(s):
            self._note("hole", (kind, theta, violation.min()))
        size, near = self.reference.size, violation <= MEETS
        values = self.gains[near] @ theta + self.levels[near]
        slopes = np.abs(self.gains[near] @ self.draft.basis).sum(axis=2)
        off = np.abs(values - expected) - 2 * MEETS * slopes.max(axis=0, initial=0.0)
        error = float((off / (size * (1 + np.abs(expected / size).max()))).max(initial=0.0))
        self.found["worst"] = max(self.found["worst"], error)
        if error > RIGHT and self._without_room(theta):
            self._note("wrong", (kind, theta, error))

    def _inside(self, s):
        around = EDGE * np.vstack([np.eye(len(s)), -np.eye(len(s))])
        return all(self.reference(self._theta(s + step)) is not None for step in around)

    def _without_room(self, theta):
        """Whether the reference answers without help: on the border of the feasible set it lets rows give a hair."""
        one, problem = self.reference, self.draft.problem
        free = np.linalg.solve(one.lower, one.size * (problem.f + problem.F @ theta))
        return one._nearest(one.w + one.S @ theta + one.M @ free) is not None

    def _note(self, what, where):
        self.found[what] += 1
        self.places.append((what, where))

    def _local(self, A, b):
        """Unit rows over s."""
        rows, right = A @ self.draft.basis, b - A @ self.draft.origin
        norm = np.linalg.norm(rows, axis=1)
        real = norm > 1e-12
        return rows[real] / norm[real, None], right[real] / norm[real]

    def _theta(self, s):
        return self.draft.origin + self.draft.basis @ s

    def _s(self, theta):
        return np.linalg.lstsq(self.draft.basis, theta - self.draft.origin, rcond=None)[0]


def nearest(point, A, b):
    """The point of {A x <= b}, unit rows, that is nearest to another one; None where DAQP finds none."""
    t = len(point)
    lower, sense = np.full(len(b), -1e30), np.zeros(len(b), np.int32)
    x, _, flag, _ = daqp.solve(np.eye(t), -point, np.ascontiguousarray(A), b, lower, sense, primal_tol=1e-13)
    return np.array(x) if flag == 1 and (A @ x <= b + 1e-10).all() else None


def some_point(A, b):
    """A point of {A x <= b}, unit rows, by HiGHS, for where DAQP wrongly says that there is none; None if so."""
    rows = np.c_[A, -np.ones(len(A))]
    bounds = [(None, None)] * A.shape[1] + [(-1, None)]
    result = linprog(np.r_[np.zeros(A.shape[1]), 1.0], rows, b, bounds=bounds, options=TIGHT)
    return result.x[:-1] if result.fun <= MEETS else None


@pytest.mark.parametrize("number", NUMBERS)
def test_no_hole_nothing_wrong_no_overlap(number, draw, oracle, solve):
    draft = draw(number)
    audit = Audit(draft, solve(number), oracle(draft.evened)).run()
    assert not audit.places, f"{draft.kind}: {dict(audit.found)}; first {audit.places[0]}"


@pytest.mark.parametrize("number", sorted({*NUMBERS, *THIN}))
def test_certified(number, solve):
    certificate = solve(number).certify()
    assert certificate.ok, str(certificate)
    assert certificate.regions == THIN.get(number, certificate.regions)
