"""Merging by first move: the same inputs to the last bit on the same domain, without overlap, from fewer regions."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import Polyhedron, solve_explicit
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.merge import first_moves, merged
from mpc.explicit.multiparametric import solve_multiparametric

NAMES = ["bemporad71", "chain2m1u_N2", "cstr_N3", "deg_badscale", "dint_N5", "pend_N4"]
HAIRS = (0.0, 1e-13, 1e-9, 1e-6)


@pytest.fixture(scope="module")
def full(problem):
    """The law of the first variable of a trusted problem, with the whole solution inside."""
    laws = {name: solve_multiparametric(problem(name), 1) for name in NAMES}
    return laws.__getitem__


def around(law, partition):
    """Points of the whole box and beyond, of facets and vertices, and a hair to both sides of these."""
    cells = partition(law)
    facets, normals = (np.array([facet[k] for facet in cells.facets]) for k in (2, 1))
    corners = np.concatenate(cells.vertices)
    scaled = [np.random.default_rng(0).uniform(-1.1, 1.1, (3000, law.t))]
    scaled += [facets + sign * hair * normals for hair in HAIRS for sign in (1, -1)]
    scaled += [corners * (1 + sign * hair) for hair in HAIRS for sign in (1, -1)]
    return cells.physical(np.concatenate(scaled))


def assert_same_law(law, small, points):
    """The same inputs to rounding, and the same domain; on its border within the tolerance of rows, 1e-10."""
    inputs, _, inside = law.nearest(points)
    again, _, still = small.nearest(points)
    size = np.abs(law.offsets).max() + (np.abs(law.gains) * np.maximum(*np.abs(law.parameter_bounds))).max()
    assert np.abs(inputs - again)[inside & still].max() <= 1e-9 * size
    margin = law.locate(points).margin
    assert (inside == still)[np.abs(margin + TOLERANCE) > 2e-10].all()
    return margin


@pytest.mark.parametrize("name", NAMES)
def test_the_merged_law_gives_the_same_inputs_on_the_same_domain(name, full, partition):
    law = full(name)
    small = merged(law)
    points = around(law, partition)
    margin = assert_same_law(law, small, points)
    deep = points[margin > 1e-9]
    assert (small(deep) == law(deep)).all()
    assert len(small.regions) <= len(law.regions)
    assert len(small.regions) >= first_moves(law)[1] == first_moves(small)[1]


@pytest.mark.parametrize("name", ["bemporad71", "cstr_N3", "pend_N4"])
def test_merged_regions_do_not_overlap_and_are_minimal(name, full):
    small = merged(full(name))
    rows = [(r.A * small.half_width, r.b - r.A @ small.centre) for r in small.regions]
    for (A, b), (C, d) in combinations(rows, 2):
        assert Polyhedron(np.vstack([A, C]), np.r_[b, d]).chebyshev()[0] < 1e-9
    for (A, b), region in zip(rows, small.regions, strict=True):
        assert np.linalg.norm(A, axis=1) == pytest.approx(1)
        assert region.radius <= Polyhedron(A, b).chebyshev()[0] + 1e-9
        assert (region.b - region.A @ region.centre).min() == pytest.approx(region.radius, rel=1e-6)
        for i in range(len(b)):
            others = np.delete(A, i, axis=0), np.delete(b, i)
            turned = Polyhedron(np.vstack([others[0], -A[i]]), np.r_[others[1], -b[i]])
            assert turned.chebyshev()[0] > 1e-10


def test_saturated_regions_merge(full, pendulum_problem):
    wanted = {"bemporad71": (9, 7, 5), "deg_badscale": (19, 15, 7), "dint_N5": (47, 27, 9)}
    for name, counts in wanted.items():
        law = full(name)
        assert (len(law.regions), len(merged(law).regions), first_moves(law)[1]) == counts
    law = solve_explicit(pendulum_problem(horizon=6))
    small = merged(law)
    assert (len(law.regions), len(small.regions)) == (21, 17)
    before, after = (sum(not region.gain.any() for region in one.regions) for one in (law, small))
    assert after < before


def test_what_a_merged_law_carries(pendulum_problem):
    law = solve_explicit(pendulum_problem(horizon=3, state_bounds=None, parameter_bounds=([-2, -8], [2, 8])))
    small = merged(replace(law, partial="stopped early"))
    assert small.input_names == law.input_names
    assert small.input_units == law.input_units
    assert len(small.labels.variables) == small.m == 1
    assert small.labels.rows == law.labels.rows
    assert small.parameter_set is law.parameter_set
    assert small.input_bounds is not None
    assert small.problem is None
    assert small.partial == "stopped early"
    assert merged(law).partial == ""
    members = {tuple(r.offset): [q for q in law.regions if not q.gain.any() and (q.offset == r.offset).all()]
               for r in small.regions if not r.gain.any()}  # fmt: skip
    for region in small.regions:
        assert region.solution_gain.shape == (1, 2)
        assert (region.solution_gain == region.gain).all()
        assert (region.solution_offset == region.offset).all()
        if not region.gain.any():
            common = set.intersection(*(set(q.active) for q in members[tuple(region.offset)]))
            assert set(region.active) >= common
            assert region.active[0].startswith("torque")
    assert str(small.explain(small.regions[0].centre))


def test_the_same_law_merges_the_same_way_and_a_merged_law_stays_as_it_is(full):
    law = full("chain2m1u_N2")
    small = merged(law)
    assert merged(law).digest == small.digest
    again = merged(small)
    assert len(again.regions) == len(small.regions)


def boxes(*edges):
    """Boxes by (low x, high x, low y, high y)."""
    A = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    return [(A, np.array([x1, -x0, y1, -y0], float)) for x0, x1, y0, y1 in edges]


def test_four_quarters_become_one_square(law_of):
    law = law_of(boxes((-1, 0, -1, 0), (0, 1, -1, 0), (-1, 0, 0, 1), (0, 1, 0, 1)))
    small = merged(law)
    assert len(small.regions) == 1
    assert small.regions[0].b.tolist() == [1, 1, 1, 1]
    assert small.regions[0].radius == pytest.approx(1)
    assert small.regions[0].active == ("row 0",)


def test_three_quarters_stay_two_regions(law_of):
    small = merged(law_of(boxes((-1, 0, -1, 0), (0, 1, -1, 0), (-1, 0, 0, 1))))
    assert len(small.regions) == 2
    assert small.locate([0.5, 0.5]).margin == pytest.approx(-0.5)


@pytest.mark.parametrize("first", [0, 1])
def test_a_row_that_a_piece_passes_by_a_hair_moves_out_with_it(law_of, first):
    """Two halves of a square in other units, one of them 5e-11 half widths higher, in both orders."""
    halves = boxes((-1, 0, -1, 1), (0, 1, -1, 1 + 5e-11))
    small = merged(law_of([halves[first], halves[1 - first]], centre=(0.0, 3.0), half_width=(1.0, 100.0)))
    assert len(small.regions) == 1
    top = small.regions[0].A[:, 1] > 0
    assert small.regions[0].b[top] - 0.03 - 1 == pytest.approx([5e-11], abs=1e-14)


def test_what_a_group_becomes_is_joined_in_pairs_again(law_of):
    """A pinwheel of five in the left half, and the right half, which meets none of the five along a whole side."""
    third = 1 / 3
    cells = boxes(
        (-1, -third, third, 1), (-third, 0, -third, 1), (-2 * third, 0, -1, -third), (-1, -2 * third, -1, third),
        (-2 * third, -third, -third, third), (0, 1, -1, 1),
    )  # fmt: skip
    assert len(merged(law_of(cells)).regions) == 1


def test_five_pieces_of_which_no_two_merge_become_one(law_of):
    """A pinwheel: four strips around a square in the middle."""
    third = 1 / 3
    wheel = boxes(
        (-1, third, third, 1), (third, 1, -third, 1), (-third, 1, -1, -third), (-1, -third, -1, third),
        (-third, third, -third, third),
    )  # fmt: skip
    assert len(merged(law_of(wheel)).regions) == 1
    assert len(merged(law_of(wheel, levels=[1, 1, 1, 1, 2])).regions) == 5


@pytest.mark.parametrize(("gap", "left"), [(0.0, 1), (1e-13, 1), (1e-9, 2), (1e-6, 2)])
def test_a_gap_is_never_filled(law_of, gap, left):
    law = law_of(boxes((-1, 0, -1, 1), (gap, 1, -1, 1)), centre=(480.0, 0.0), half_width=(20.0, 1e-3))
    assert len(merged(law).regions) == left


def test_first_moves_are_numbered_as_they_appear(law_of):
    law = law_of(
        boxes(*((x, x + 0.25, -1, 1) for x in np.arange(-1, 1, 0.25))), [2, 1, 2, 2 + 1e-14, 1, 2 + 1e-9, 0, 1e-13]
    )
    group, count = first_moves(law)
    assert group.tolist() == [0, 1, 0, 0, 1, 2, 3, 3]
    assert count == 4


def test_laws_of_one_group_keep_the_numbers_of_the_first(law_of):
    law = law_of(boxes((-1, 0, -1, 1), (0, 1, -1, 1)), [2 + 4e-16, 2])
    small = merged(law)
    assert len(small.regions) == 1
    assert small([0.5, 0]) == law([-0.5, 0])
    assert small.regions[0].gain.shape == (1, 2)


@given(st.data())
def test_cells_of_one_law_merge_back_to_what_was_cut(law_of, data):
    """A box cut by lines, some cells given another law: the domain and the inputs stay."""
    number = st.floats(-1, 1).filter(lambda x: abs(x) > 1e-2)
    cells = boxes((-1, 1, -1, 1))
    for x, y, level in data.draw(st.lists(st.tuples(number, number, number), max_size=5)):
        normal = np.array([x, y]) / np.hypot(x, y)
        sides = [(np.vstack([A, s * normal]), np.r_[b, s * level / 2]) for A, b in cells for s in (1.0, -1.0)]
        cells = [(A, b) for A, b in sides if Polyhedron(A, b).chebyshev()[0] > 1e-5]
    levels = data.draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=len(cells), max_size=len(cells)))
    law = law_of(cells, levels, centre=(3.0, -1.0), half_width=(1e3, 1e-3))
    small = merged(law)
    points = law.centre + law.half_width * np.random.default_rng(0).uniform(-1.05, 1.05, (500, 2))
    margin = law.locate(points).margin
    deep = points[margin > 1e-9]
    assert (small(deep) == law(deep)).all()
    outside = points[margin < -1e-9]
    assert (small.locate(outside).margin < -TOLERANCE).all()
    if len(set(levels)) == 1:
        assert len(small.regions) <= max(1, len(cells) - 1)
