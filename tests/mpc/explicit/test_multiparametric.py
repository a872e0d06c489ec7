"""The law is the minimiser: beside two independent solvers, in regions, on facets and vertices, and outside."""

import numpy as np
import pytest

from mpc import ImplicitMPC, OutsideDomain

EXACT = 1e-9  # relative to the size of the solution
HAIRS = (0.0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-6, -1e-6)  # steps across a facet, in half widths
NEAR = 1e-7  # this close to the border of the feasible set solvers may differ
MOST = 250  # points of a kind for one problem


@pytest.fixture
def unlike(name, solved, problem, oracle):
    """The points where law, ImplicitMPC and oracle differ; on the border of the feasible set either may be right."""
    law, online, reference = solved(name), ImplicitMPC(problem(name)), oracle(problem(name))

    def same(point: np.ndarray, margin: float) -> bool:
        expected = reference(point) if problem(name).parameter_set.contains(point) else None
        if expected is None or margin < -1e-11:
            return expected is None and margin < 1e-11
        allowed = EXACT * (1 + np.abs(expected).max())
        try:
            found = [law.solution(point), online.solution(point)]
        except OutsideDomain:
            return False
        return bool(np.abs(found - expected).max() <= allowed)

    def on_the_border(point: np.ndarray) -> bool:
        steps = NEAR * np.diag(law.half_width)
        return any(reference(near) is None for near in np.concatenate([point + steps, point - steps]))

    def right(point: np.ndarray, margin: float) -> bool:
        return same(point, margin) or on_the_border(point)

    def differing(theta: np.ndarray) -> list[tuple[list[float], float]]:
        margins = np.asarray(law.locate(theta).margin)
        assert (margins > -1e-11).any()
        places = zip(theta, margins, strict=True)
        return [(point.tolist(), margin) for point, margin in places if not right(point, margin)]

    return differing


def _some(points: np.ndarray) -> np.ndarray:
    return points[np.random.default_rng(1).permutation(len(points))[:MOST]]


def test_at_random_points(name, solved, unlike):
    law = solved(name)
    unit = np.random.default_rng(0).uniform(-1, 1, (MOST, law.t))
    assert unlike(law.centre + unit * law.half_width) == []


def test_on_facets_and_a_hair_to_both_sides(name, cells, unlike):
    partition = cells(name)
    points = np.stack([partition.across(step) for step in HAIRS], axis=1)
    assert unlike(partition.physical(_some(points)[: MOST // 5].reshape(-1, points.shape[-1]))) == []


def test_on_every_facet(name, cells, unlike):
    """The middle of each facet lies on the border of its region, and the law answers there."""
    partition = cells(name)
    theta = partition.physical(partition.across(0.0))
    assert np.abs(partition.law.locate(theta).margin).max() <= 1e-9
    assert np.isfinite(partition.law.solution(theta)).all()
    assert unlike(_some(theta)) == []


def test_on_vertices(name, cells, unlike):
    partition = cells(name)
    vertices = np.unique(np.concatenate(partition.vertices).round(10), axis=0)
    assert unlike(partition.physical(_some(vertices))) == []


def test_outside(name, solved, problem):
    """Beyond the parameter set, and inside it where nothing is feasible, law and online solver refuse."""
    law, online = solved(name), ImplicitMPC(problem(name))
    unit = np.random.default_rng(2).uniform(-1.3, 1.3, (200, law.t))
    theta = law.centre + unit * law.half_width
    inside = law.nearest(theta)[2]
    assert not inside.all()
    for point in theta[~inside][:40]:
        with pytest.raises(OutsideDomain, match="outside the law's domain"):
            law(point)
        with pytest.raises(OutsideDomain):
            online(point)
