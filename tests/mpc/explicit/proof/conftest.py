"""Laws damaged in known ways, and laws written down by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, PiecewiseAffineLaw
from mpc.explicit.region import CriticalRegion


def changed(law, index, **fields):
    """The law with one region changed."""
    regions = list(law.regions)
    regions[index] = replace(regions[index], **fields)
    return replace(law, regions=tuple(regions))


def moved(law, index, by):
    """The law with the facets of one region moved outward by `by` (a number or one for each facet)."""
    return changed(law, index, b=law.regions[index].b + by)


def split(law, index, gap=0.0):
    """The law with one region cut in two through its centre, `gap` half widths apart."""
    region = law.regions[index]
    normal = np.r_[1.0, np.full(law.t - 1, 0.3)] / np.sqrt(1 + 0.09 * (law.t - 1)) / law.half_width
    level = normal @ region.centre
    halves = [
        replace(region, A=np.vstack([region.A, sign * normal]), b=np.r_[region.b, sign * level - gap / 2])
        for sign in (1.0, -1.0)
    ]
    others = [r for i, r in enumerate(law.regions) if i != index]
    return replace(law, regions=(*others, *halves))


def inner(law, problem):
    """The index of the region on the fewest sides of the parameter set, of these the largest."""
    sides = np.c_[problem.A_theta, problem.b_theta]
    sides = sides / np.linalg.norm(sides[:, :-1] * law.half_width, axis=1, keepdims=True)

    def touched(region):
        rows = np.c_[region.A, region.b]
        return sum(np.abs(rows - side).max(axis=1).min() < 1e-9 for side in sides)

    return min(range(len(law.regions)), key=lambda i: (touched(law.regions[i]), -law.regions[i].radius))


def written(problem, pieces):
    """A law from pieces (A, b, gain, offset, active rows) written down by hand."""
    regions = tuple(
        CriticalRegion(
            A=np.array(A, float), b=np.array(b, float), gain=np.array(K, float), offset=np.array(r, float),
            active=tuple(problem.names.rows[i] for i in active), active_rows=active, centre=np.zeros(problem.t),
            radius=0.1, solution_gain=np.array(K, float), solution_offset=np.array(r, float),
        )
        for A, b, K, r, active in pieces
    )  # fmt: skip
    return PiecewiseAffineLaw(regions, problem.parameter_set, problem.parameter_set.box(), problem.names)


@pytest.fixture(scope="session")
def change():
    return changed


@pytest.fixture(scope="session")
def move():
    return moved


@pytest.fixture(scope="session")
def cut():
    return split


@pytest.fixture(scope="session")
def inner_region():
    return inner


@pytest.fixture(scope="session")
def by_hand():
    return written


@pytest.fixture(scope="session")
def absolute_value():
    """The linear program min z s.t. z >= theta, z >= -theta, z <= 5, and its law z = |theta| on [-1, 1]."""
    problem = MultiparametricQP(
        [[0.0]], [1.0], [[0.0]], [[-1.0], [-1.0], [1.0]], [0, 0, 5], [[-1.0], [1.0], [0.0]], [[1.0], [-1.0]], [1, 1]
    )
    right = ([[-1.0], [1.0]], [0.0, 1.0], [[1.0]], [0.0], (0,))
    left = ([[1.0], [-1.0]], [0.0, 1.0], [[-1.0]], [0.0], (1,))
    return problem, written(problem, [left, right])
