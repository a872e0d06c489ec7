"""Damaged laws: each damage is found, and named by region, facet, place and amount."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import certify
from mpc.explicit.proof.finding import Finding, Kind

NAMES = ["dint_N5", "chain2m1u_N2", "quadtank_N2", "deg_octahedron", "deg_badscale"]


@pytest.fixture(params=NAMES)
def case(request, solved, problem, inner_region):
    """A law, its problem and the number of its largest inner region."""
    law, mpqp = solved(request.param), problem(request.param)
    return law, mpqp, inner_region(law, mpqp)


def of_kind(certificate, kind):
    return [failure for failure in certificate.failures if failure.kind is kind]


def distance(law, theta, region, facet):
    """How far theta is from the plane of a facet, in half widths."""
    row = law.regions[region].A[facet] * law.half_width
    level = law.regions[region].b[facet] - law.regions[region].A[facet] @ law.centre
    return abs(row @ ((theta - law.centre) / law.half_width) - level)


def test_a_dropped_region_is_found_from_its_neighbours(case):
    law, problem, index = case
    dropped = replace(law, regions=tuple(r for i, r in enumerate(law.regions) if i != index))
    certificate = certify(dropped, problem)
    places = of_kind(certificate, Kind.UNCOVERED)
    assert len(places) >= 2
    assert len(places) == len(certificate.failures) == certificate.uncovered
    for place in places:
        assert distance(dropped, place.theta, place.regions[0], place.facet) < 1e-9
        gone = law.regions[index]
        assert (gone.A @ place.theta - gone.b).max() < 1e-9
    assert certificate.widest > law.regions[index].radius / 10


def test_a_region_shrunk_by_a_millionth_is_found_on_each_of_its_facets(case, move):
    law, problem, index = case
    certificate = certify(move(law, index, -1e-6), problem)
    own = [f for f in of_kind(certificate, Kind.UNCOVERED) if f.regions[0] == index]
    assert sorted({f.facet for f in own}) == list(range(len(law.regions[index].b)))
    assert all(f.amount == pytest.approx(1e-6, rel=1e-3) for f in own if len(f.regions) == 2)
    assert certificate.widest == pytest.approx(1e-6, rel=1e-3)
    assert {f.regions[1] for f in of_kind(certificate, Kind.UNCOVERED) if f.regions[0] != index} == {index}


@pytest.mark.parametrize("part", ["solution_gain", "solution_offset"])
def test_a_law_changed_in_the_seventh_digit_is_found(case, change, part):
    law, problem, index = case
    value = np.array(getattr(law.regions[index], part))
    size = np.abs([r.solution_gain * law.half_width for r in law.regions]).sum(axis=2).max(axis=0)
    scale = size[0] / law.half_width[0] if value.ndim == 2 else size[0]
    value[(0,) * value.ndim] += 1e-7 * scale
    own = {part.removeprefix("solution_"): value[: law.m]}
    certificate = certify(change(law, index, **{part: value}, **own), problem)
    kinds = {f.kind for f in certificate.failures}
    assert kinds & {Kind.ACTIVE, Kind.STATIONARY, Kind.SLACK, Kind.MULTIPLIER}
    assert all(index in f.regions for f in certificate.failures)
    assert max(certificate.residual, -certificate.multiplier, -certificate.slack) > 1e-9


def test_a_facet_moved_outward_overlaps_its_neighbour(case, move):
    law, problem, index = case
    overlapping = 0
    for facet in range(len(law.regions[index].b)):
        certificate = certify(move(law, index, 1e-4 * (np.arange(len(law.regions[index].b)) == facet)), problem)
        beyond = of_kind(certificate, Kind.SLACK) + of_kind(certificate, Kind.MULTIPLIER)
        pairs = of_kind(certificate, Kind.OVERLAP)
        assert all(index in f.regions for f in certificate.failures)
        assert max(f.amount for f in beyond + pairs) == pytest.approx(1e-4, rel=0.7)
        overlapping += bool(pairs)
        assert bool(pairs) == bool(certificate.overlaps)
    assert overlapping >= 2


def test_a_region_that_stands_twice_overlaps_itself(case):
    law, problem, index = case
    certificate = certify(replace(law, regions=(*law.regions, law.regions[index])), problem)
    (pair,) = certificate.failures
    assert pair.kind is Kind.OVERLAP
    assert pair.regions == (index, len(law.regions))
    assert pair.amount == pytest.approx(2 * law.regions[index].radius, rel=1e-3)


def test_wrong_active_rows_are_found(solved, problem, change):
    law, mpqp = solved("dint_N5"), problem("dint_N5")
    index = next(i for i, r in enumerate(law.regions) if len(r.active_rows) == 2)
    rows = law.regions[index].active_rows
    free = next(i for i in range(len(mpqp.w)) if i not in rows)
    for wrong, kind in ((rows[1:], Kind.LISTED), ((*rows, free), Kind.ACTIVE), ((rows[0], free), Kind.ACTIVE)):
        names = tuple(mpqp.names.rows[i] for i in wrong)
        certificate = certify(change(law, index, active_rows=wrong, active=names), mpqp)
        assert [f.regions for f in of_kind(certificate, kind)] == [(index,)]


def test_an_empty_region_is_found(solved, problem, change):
    law, mpqp = solved("dint_N5"), problem("dint_N5")
    ghost = replace(law.regions[3], b=law.regions[3].b - 1.0)
    certificate = certify(replace(law, regions=(*law.regions, ghost)), mpqp)
    assert [f.regions for f in of_kind(certificate, Kind.EMPTY)] == [(len(law.regions),)]


def test_inputs_that_are_not_the_first_variables_are_found(solved, problem):
    class Other:
        def __init__(self, law, gains):
            self._law, self.gains = law, gains

        def __getattr__(self, name):
            return getattr(self._law, name)

    law, mpqp = solved("dint_N5"), problem("dint_N5")
    gains = np.array(law.gains)
    gains[4] += 1e-5
    certificate = certify(Other(law, gains), mpqp)
    assert [(f.kind, f.regions) for f in certificate.failures] == [(Kind.GAIN, (4,))]


def test_a_cut_region_is_no_damage_but_a_hole_between_its_halves_is(case, cut):
    law, problem, index = case
    halves = certify(cut(law, index), problem)
    assert halves.ok, str(halves)
    assert halves.facets > certify(law, problem).facets
    holed = certify(cut(law, index, gap=1e-5), problem)
    places = of_kind(holed, Kind.UNCOVERED)
    assert len(places) == len(holed.failures)
    both = {len(law.regions) - 1, len(law.regions)}
    assert any(set(f.regions) == both and f.amount == pytest.approx(1e-5, rel=1e-3) for f in places)
    strip = [f for f in places if f.regions[0] not in both]
    assert strip, "in the middle of a neighbour's facet"
    region = law.regions[index]
    assert all((region.A @ f.theta - region.b).max() < 1e-9 for f in strip)


def test_a_negative_multiplier_is_found(by_hand):
    box = {"A_theta": [[1.0], [-1.0]], "b_theta": [2, 0]}
    problem = MultiparametricQP([[1.0]], [0.0], [[-1.0]], [[1.0]], [1.0], [[0.0]], **box)
    free = ([[1.0], [-1.0]], [0.9, 0], [[1.0]], [0.0], ())
    held = ([[-1.0], [1.0]], [-0.9, 2], [[0.0]], [1.0], (0,))
    certificate = certify(by_hand(problem, [free, held]), problem)
    (wrong,) = of_kind(certificate, Kind.MULTIPLIER)
    assert (wrong.regions, wrong.theta, wrong.row) == ((1,), (pytest.approx(0.9),), "row 0")
    assert wrong.amount == pytest.approx(0.1)
    assert certificate.multiplier == pytest.approx(-0.1)
    assert of_kind(certificate, Kind.JUMP)


def test_a_region_that_leaves_the_cone_of_dependent_rows_is_found(move):
    box = {"A_theta": np.vstack([np.eye(2), -np.eye(2)]), "b_theta": np.ones(4)}
    problem = MultiparametricQP(
        np.eye(2), [0.0, 0], -np.eye(2), [[1.0, 0], [1, 1], [0, 1]], [0.0, 0, 0], np.zeros((3, 2)), **box
    )
    law = solve_explicit(problem)
    assert certify(law, problem).ok
    index = next(i for i, r in enumerate(law.regions) if (r.centre > 0).all())
    region = law.regions[index]
    inward = [k for k in range(len(region.b)) if abs(region.b[k]) < 1e-9]
    assert len(inward) == 2
    for facet in inward:
        wrong = certify(move(law, index, 1e-4 * (np.arange(len(region.b)) == facet)), problem)
        assert [f.regions for f in of_kind(wrong, Kind.MULTIPLIER)] == [(index,)]


def test_a_jump_where_the_minimiser_is_not_unique_is_said(by_hand):
    zero = {"H": [[0.0]], "f": [0.0], "F": [[0.0]], "G": [[1.0], [-1.0]], "w": [1, 0], "S": [[0.0], [0.0]]}
    problem = MultiparametricQP(**zero, A_theta=[[1.0], [-1.0]], b_theta=[1, 1])
    left = ([[1.0], [-1.0]], [0, 1], [[0.0]], [0.0], (1,))
    right = ([[-1.0], [1.0]], [0, 1], [[0.0]], [1.0], (0,))
    certificate = certify(by_hand(problem, [left, right]), problem)
    assert {f.kind for f in certificate.failures} == {Kind.CHOICE}
    assert certificate.jump == pytest.approx(1.0)
    assert "from one minimiser to another: the problem has several there" in str(certificate)


def test_a_jump_between_values_that_cost_more_is_an_error_of_the_law(by_hand):
    sloped = {"H": [[0.0]], "f": [1.0], "F": [[0.0]], "G": [[1.0], [-1.0]], "w": [1, 0], "S": [[0.0], [0.0]]}
    problem = MultiparametricQP(**sloped, A_theta=[[1.0], [-1.0]], b_theta=[1, 1])
    left = ([[1.0], [-1.0]], [0, 1], [[0.0]], [0.0], (1,))
    right = ([[-1.0], [1.0]], [0, 1], [[0.0]], [1.0], (0,))
    kinds = {f.kind for f in certify(by_hand(problem, [left, right]), problem).failures}
    assert Kind.JUMP in kinds
    assert Kind.CHOICE not in kinds


def test_a_linear_program_is_certified_and_its_damage_found(absolute_value, move, change):
    problem, law = absolute_value
    assert certify(law, problem).ok
    assert of_kind(certify(move(law, 0, np.array([1e-4, 0])), problem), Kind.OVERLAP)
    assert of_kind(certify(move(law, 0, np.array([-1e-4, 0])), problem), Kind.UNCOVERED)
    wrong = change(law, 0, solution_offset=np.array([0.1]), offset=np.array([0.1]))
    assert {f.kind for f in certify(wrong, problem).failures} >= {Kind.ACTIVE}


def test_a_flat_law_is_certified_in_its_plane_and_found_where_the_problem_is_not_flat(solved, problem):
    wide = problem("dint_N5")
    row = np.array([1.0, 1.0]) / wide.b_theta[:2]
    flat = replace(wide, A_theta=np.vstack([wide.A_theta, row, -row]), b_theta=np.r_[wide.b_theta, 0.2, -0.2])
    law = solve_explicit(flat)
    certificate = certify(law, flat)
    assert certificate.ok, str(certificate)
    assert len(law.regions) > 3
    dropped = certify(replace(law, regions=(*law.regions[:1], *law.regions[2:])), flat)
    assert of_kind(dropped, Kind.UNCOVERED)
    (found,) = {f.kind for f in certify(law, wide).failures if f.kind is Kind.FLAT}
    assert found is Kind.FLAT


@pytest.fixture
def flat_case(solved, problem):
    """A law in a plane of two parameters, and its problem."""
    wide = problem("dint_N5")
    row = np.array([1.0, 1.0]) / wide.b_theta[:2]
    flat = replace(wide, A_theta=np.vstack([wide.A_theta, row, -row]), b_theta=np.r_[wide.b_theta, 0.2, -0.2])
    return solve_explicit(flat), flat


@pytest.mark.parametrize("index", [0, 2, 5])
@pytest.mark.parametrize("by", [-1e-6, 1e-4])
def test_one_damaged_region_of_a_flat_law_is_named_alone(flat_case, move, index, by):
    law, flat = flat_case
    failures = certify(move(law, index, by), flat).failures
    alone = {f.regions for f in failures if len(f.regions) == 1}
    assert (index,) in alone
    assert {f.kind for f in failures if f.regions == (index,)} & {Kind.EMPTY, Kind.LOOSE}
    away = [f for f in failures if index not in f.regions]
    assert all(f.kind is Kind.UNCOVERED for f in away), "neighbours of a region without a point"
    if by > 0:
        assert not away
    else:
        gone = law.regions[index]
        assert all((gone.A @ f.theta - gone.b).max() < 1e-9 for f in away)


def test_words_name_regions_facet_amount_and_place():
    finding = Finding.at(Kind.OVERLAP, (3, 7), np.array([0.5, -1]), 1e-4, facet=2)
    assert str(finding) == "regions 3 and 7, facet 2: interiors overlap by 0.0001 half widths, at theta = (0.5, -1)"
    finding = Finding.at(Kind.SLACK, (3,), np.array([0.5]), 1e-7, row="row 4")
    assert str(finding) == "region 3: a row is violated up to 1e-07 half widths inside (row 4), at theta = (0.5)"
    assert Finding.from_dict(finding.to_dict()) == finding
