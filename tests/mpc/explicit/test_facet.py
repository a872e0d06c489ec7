"""Facets: the distance, the way, and the row that the region behind has gained or lost."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.facet import UNKNOWN, Change, facets_of
from mpc.explicit.labels import Labels

BEYOND = 1e-7


@pytest.mark.parametrize("name", ["pend_N3", "pend_N4", "rand_x3u2_N2", "eq_portfolio_n4"])
def test_what_changes_at_a_facet_is_what_the_region_behind_it_does_otherwise(name, solved, cells):
    law, places = solved(name), cells(name)
    seen = set()
    for region, normal, point in places.facets[:150]:
        (facet, *_) = facets_of(law, region, places.physical(point))
        assert facet.distance == pytest.approx(0, abs=1e-9)
        behind, margin = law.locate(places.physical(point + BEYOND * normal))
        own, other = set(law.regions[region].active), set(law.regions[behind].active)
        seen.add(facet.change)
        assert facet.change is not Change.UNKNOWN
        if margin < -1e-10:
            assert facet.change is not Change.RELEASED
        elif facet.change is Change.REACHED:
            assert facet.row in other - own
        else:
            assert facet.row in own - other
    assert {Change.REACHED, Change.RELEASED} <= seen


@pytest.mark.parametrize("name", ["pend_N4", "rand_x3u2_N2"])
def test_distances_are_those_to_the_planes_and_the_nearest_is_the_margin(name, solved):
    law = solved(name)
    for number, region in enumerate(law.regions[:40]):
        facets = facets_of(law, number, region.centre)
        distances = [facet.distance for facet in facets]
        assert distances == sorted(distances)
        assert distances[0] == pytest.approx(law.locate(region.centre).margin, abs=1e-12)
        rooms = sorted(region.b - region.A @ region.centre)
        assert distances == pytest.approx(rooms, abs=1e-12)
        for facet in facets:
            assert np.linalg.norm(facet.direction / law.half_width) == pytest.approx(1)
            left = region.b - region.A @ (region.centre + facet.move)
            assert np.abs(left).min() == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def tank():
    """z follows theta up to 1 %; level from -2 to 6 m."""
    labels = Labels(("level", "feed"), ("valve",), ("valve at its upper limit",), ("m", ""), ("%",))
    box = {"A_theta": [[1, 0], [-1, 0], [0, 1], [1, -3]], "b_theta": [6, 2, 1, 9]}
    return solve_explicit(MultiparametricQP([[1]], [0], [[-1, 0]], [[1]], [1], [[0, 0]], labels=labels, **box))


def test_facets_have_words_and_physical_ways(tank):
    free = facets_of(tank, int(tank.locate([0, 0]).region), np.zeros(2))
    words = [str(facet) for facet in free]
    assert "valve at its upper limit becomes active" in words
    assert "the parameter set ends: level at its lower limit -2 m" in words
    assert "the parameter set ends: feed at its upper limit 1" in words
    assert "the parameter set ends: row 3 of the parameter set" in words
    limit = free[words.index("valve at its upper limit becomes active")]
    assert limit.move == pytest.approx([1, 0])
    assert limit.distance == pytest.approx(1 / 4)  # the parameter set is 8 m wide
    held = facets_of(tank, int(tank.locate([3, 0]).region), np.array([3.0, 0]))
    assert [(str(facet), facet.move.tolist()) for facet in held if facet.change is Change.RELEASED] == [
        ("valve at its upper limit lets go", pytest.approx([-2, 0]))
    ]


def test_without_its_problem_a_law_knows_its_parameter_set_only(tank):
    bare = replace(tank, problem=None)
    kinds = {facet.change for facet in facets_of(bare, 0, tank.regions[0].centre)}
    assert kinds == {Change.BORDER, Change.UNKNOWN}
    unknown = [f for f in facets_of(bare, 0, tank.regions[0].centre) if f.change is Change.UNKNOWN]
    assert {str(facet) for facet in unknown} == {UNKNOWN}


def test_a_parameter_that_cannot_move_has_no_facets():
    rows = {"G": [[1]], "w": [1], "S": [[0, 0]]}
    box = {"A_theta": [[1, 0], [-1, 0], [0, 1], [0, -1]], "b_theta": [2, 2, 3, -3]}
    law = solve_explicit(MultiparametricQP([[1]], [0], [[-1, 0]], **rows, **box))
    for facet in facets_of(law, int(law.locate([0, 3]).region), np.array([0.0, 3.0])):
        assert facet.distance > 0.1
        assert facet.move[1] == 0


def test_rounding_in_a_facets_row_is_no_part_of_the_move():
    rows = np.vstack([np.eye(3), -np.eye(3)])
    rows[0] = [1.0, 1e-15, -3e-113]
    law = solve_explicit(
        MultiparametricQP(
            H=[[1.0]], f=[0.0], F=[[1.0, 0, 0]], G=[[1.0]], w=[5.0], S=[[0.0, 0, 0]], A_theta=rows, b_theta=np.ones(6)
        )
    )
    facets = law.explain([0.5, 0.1, -0.2]).facets
    assert sorted(int(np.count_nonzero(facet.move)) for facet in facets) == [1] * 6
