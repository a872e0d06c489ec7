"""Where a network could differ from its law: random points, facets, a hair beside them, vertices, and outside."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection, QhullError

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.region import CriticalRegion
from plants.arrays import Array

PER_FACET = 8
PER_REGION = 16
HAIRS = (1e-12, 1e-9, 1e-6)
"""Distances from a facet, in half widths of the parameter set, at which both sides are probed."""

ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Probes:
    """Points (k, t) of each kind (random, interior, facet, side, vertex, outside), and the number of facets reached.

    A facet whose vertices Qhull does not find is reached by a linear program instead, at one point.
    """

    points: dict[str, Array]
    facets: int


def probe(law: PiecewiseAffineLaw, points: int, generator: np.random.Generator) -> Probes:
    """Return `points` random points of the law's domain, and points on and beside every facet and vertex."""
    inside, outside = _random(law, points, generator)
    found: dict[str, list[Array]] = {"interior": [], "facet": [], "side": [], "vertex": []}
    facets = 0
    for region in law.regions:
        vertices = _vertices(region, law.half_width)
        found["vertex"].append(vertices)
        bare = ~(np.abs(vertices @ region.A.T - region.b) <= TOLERANCE).any(axis=0)
        corners = np.concatenate([vertices, _facet_centres(region, law.half_width, np.flatnonzero(bare))])
        found["interior"].append(_mixtures(np.concatenate([corners, [region.centre]]), PER_REGION, generator))
        for row in range(len(region.b)):
            on = _on_facet(region, row, corners, law.half_width, generator)
            facets += bool(len(on))
            found["facet"].append(on)
            found["side"].append(_sides(on, region.A[row], law.half_width))
    kinds = {kind: np.concatenate([*parts, np.empty((0, law.t))]) for kind, parts in found.items()}
    if len(inside) < points:
        inside = np.concatenate([inside, _resample(kinds["interior"], points - len(inside), generator)])
    return Probes({"random": inside, **kinds, "outside": outside}, facets)


def _random(law: PiecewiseAffineLaw, points: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return points uniform on the domain, and as many around it: in the box without a region, and beyond the box."""
    inside: list[Array] = []
    outside: list[Array] = []
    for _ in range(ROUNDS):
        drawn = law.centre + generator.uniform(-1, 1, (points, law.t)) * law.half_width
        beyond = law.centre + generator.uniform(-1.5, 1.5, (points, law.t)) * law.half_width
        margin = np.asarray(law.locate(drawn).margin)
        inside.append(drawn[margin >= 0])
        both = np.concatenate([drawn[margin < 0], beyond])
        outside.append(both[np.asarray(law.locate(both).margin) < -2 * TOLERANCE])
        if sum(map(len, inside)) >= points and sum(map(len, outside)) >= points:
            break
    outer = np.concatenate(outside)
    return np.concatenate(inside)[:points], outer[generator.permutation(len(outer))[:points]]


def _vertices(region: CriticalRegion, half_width: Array) -> Array:
    """Return the vertices (v, t) of a region that Qhull finds."""
    rows = region.A * half_width
    room = (region.b - region.A @ region.centre) / region.radius
    if len(half_width) == 1:
        steps = room / rows[:, 0]
        ends = np.array([steps[rows[:, 0] < 0].max(), steps[rows[:, 0] > 0].min()])[:, None]
        return region.centre + region.radius * half_width * ends
    try:
        corners = HalfspaceIntersection(np.c_[rows, -room], np.zeros(len(half_width))).intersections
    except QhullError:
        return np.empty((0, len(half_width)))
    corners = np.unique(corners[np.isfinite(corners).all(axis=1)].round(12), axis=0)
    return region.centre + region.radius * half_width * corners


def _facet_centres(region: CriticalRegion, half_width: Array, facets: np.ndarray) -> Array:
    """Return the centre of a largest ball on each of the facets, by one linear program each."""
    rows, room = region.A * half_width, region.b - region.A @ region.centre
    centres = []
    for row in facets:
        normal = rows[row]
        along = rows - np.outer(rows @ normal, normal) / (normal @ normal)
        walls = np.c_[rows, np.linalg.norm(along, axis=1)]
        cost = np.r_[np.zeros(len(normal)), -1.0]
        level = np.r_[normal, 0.0][None]
        result = linprog(cost, walls, room, level, room[row : row + 1], bounds=[(None, None)] * len(normal) + [(0, 1)])
        if result.success:
            centres.append(region.centre + half_width * result.x[:-1])
    return np.array(centres).reshape(-1, len(half_width))


def _mixtures(corners: Array, count: int, generator: np.random.Generator) -> Array:
    return generator.dirichlet(np.ones(len(corners)), count) @ corners


def _on_facet(
    region: CriticalRegion, row: int, corners: Array, half_width: Array, generator: np.random.Generator
) -> Array:
    """Return points on one facet, mixtures of its corners moved onto the hyperplane; none for a row without corners."""
    normal, level = region.A[row], region.b[row]
    own = corners[np.abs(corners @ normal - level) <= TOLERANCE]
    if not len(own):
        return np.empty((0, len(half_width)))
    mixed = _mixtures(own, PER_FACET, generator)
    scaled = normal * half_width**2
    return mixed - np.outer(mixed @ normal - level, scaled / (normal @ scaled))


def _sides(on: Array, normal: Array, half_width: Array) -> Array:
    across = half_width * (normal * half_width) / np.linalg.norm(normal * half_width)
    return np.concatenate([on + sign * hair * across for hair in HAIRS for sign in (1, -1)])


def _resample(interior: Array, count: int, generator: np.random.Generator) -> Array:
    """Return `count` mixtures of interior points of one region each, for a domain that its box hardly meets."""
    blocks = interior.reshape(-1, PER_REGION, interior.shape[-1])
    chosen = blocks[generator.integers(len(blocks), size=count)]
    return np.einsum("kr,krt->kt", generator.dirichlet(np.ones(PER_REGION), count), chosen)
