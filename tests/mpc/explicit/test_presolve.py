"""Units, doubles, zeros, equalities and places change nothing: the same law, to its own precision."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import LinearModel, MPCProblem, MultiparametricQP, OutsideDomain, solve_explicit

SAME = 1e-9
UNIT = ([-1, -1], [1, 1])
SEEDS = st.integers(0, 2**32 - 1)


def random_problem(generator: np.random.Generator) -> MultiparametricQP:
    """A strictly convex mp-QP in 2 to 4 parameters; z = 0 is feasible around theta = 0."""
    t, n, q = generator.integers((2, 2, 3), (5, 5, 8))
    root = generator.normal(size=(n, n))
    moved = generator.integers(0, 2, (q, 1))
    return MultiparametricQP(
        H=root @ root.T + 0.3 * np.eye(n),
        f=0.3 * generator.normal(size=n),
        F=generator.normal(size=(n, t)),
        G=generator.normal(size=(q, n)),
        w=generator.uniform(0.3, 1.5, q),
        S=0.3 * moved * generator.normal(size=(q, t)),
        A_theta=np.vstack([np.eye(t), -np.eye(t)]),
        b_theta=np.ones(2 * t),
    )


def in_other_units(problem, rows, parameters, variables, limits, cost) -> MultiparametricQP:
    """The same problem with z = variables * z', theta = parameters * theta', and rows multiplied by numbers."""
    return MultiparametricQP(
        H=cost * problem.H * np.outer(variables, variables),
        f=cost * problem.f * variables,
        F=cost * problem.F * np.outer(variables, parameters),
        G=problem.G * np.outer(rows, variables),
        w=problem.w * rows,
        S=problem.S * np.outer(rows, parameters),
        A_theta=problem.A_theta * np.outer(limits, parameters),
        b_theta=problem.b_theta * limits,
    )


def apart(one, other, points, parameters=1.0, variables=1.0) -> float:
    """How far the laws' values differ, beside their size; infinite if regions, half-spaces or domain differ."""
    inside, other_inside = one.nearest(points)[2], other.nearest(points / parameters)[2]
    counts = [(len(law.regions), len(law.halfspaces[1])) for law in (one, other)]
    if counts[0] != counts[1] or (inside != other_inside).any():
        return np.inf
    expected, found = one.solution(points[inside]), other.solution(points[inside] / parameters) * variables
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max(initial=0.0))


@given(SEEDS, st.sampled_from([0, 3, 6]))
def test_units_do_not_matter(seed, decades):
    """Rows, limits, parameters, variables and cost, each by its own factor of up to 10^-6 to 10^6."""
    generator = np.random.default_rng(seed)
    problem = random_problem(generator)
    sizes = (len(problem.w), problem.t, problem.n, 2 * problem.t)
    rows, parameters, variables, limits = (10 ** generator.uniform(-decades, decades, k) for k in sizes)
    cost = 10 ** generator.uniform(-decades, decades)
    other = in_other_units(problem, rows, parameters, variables, limits, cost)
    points = generator.uniform(-1.05, 1.05, (200, problem.t))
    assert apart(solve_explicit(problem), solve_explicit(other), points, parameters, variables) <= SAME


@given(SEEDS)
def test_random_problems_are_solved_on_their_facets_too(oracle, partition, seed):
    problem = random_problem(np.random.default_rng(seed))
    cells, reference = partition(solve_explicit(problem)), oracle(problem)
    scaled = np.concatenate([cells.across(step) for step in (0.0, 1e-9, -1e-9)])[:150]
    theta = cells.physical(scaled[np.abs(scaled).max(axis=1) <= 1])
    for point in theta[np.asarray(cells.law.locate(theta).margin) >= 0]:
        expected = reference(point)
        assert expected is None or cells.law.solution(point) == pytest.approx(expected, rel=SAME, abs=SAME)


def changed(problem: MultiparametricQP, how: str) -> MultiparametricQP:
    """Say the same thing in other rows."""
    G, w, S, t = problem.G, problem.w, problem.S, problem.t
    extra = {
        "doubled": (G, w, S),
        "doubled and scaled": (1e3 * G, 1e3 * w, 1e3 * S),
        "zero row": (np.zeros((1, problem.n)), np.ones(1), np.zeros((1, t))),
        "row of zeros that says 0 <= 0": (np.zeros((1, problem.n)), np.zeros(1), np.zeros((1, t))),
        "row of theta that never binds": (np.zeros((1, problem.n)), np.full(1, 100.0), np.eye(1, t)),
        "touching at one point": (G[:1] + G[1:2], w[:1] + w[1:2], S[:1] + S[1:2]),
        "far away": (G[:1], np.array([1e9]), 0 * S[:1]),
        "beyond by a hair": (G[:1], w[:1] + 1e-7, S[:1]),
    }[how]
    return replace(problem, G=np.vstack([G, extra[0]]), w=np.r_[w, extra[1]], S=np.vstack([S, extra[2]]))


@pytest.mark.parametrize(
    "how",
    [
        "doubled",
        "doubled and scaled",
        "zero row",
        "row of zeros that says 0 <= 0",
        "row of theta that never binds",
        "touching at one point",
        "far away",
        "beyond by a hair",
    ],
)
@pytest.mark.parametrize("name", ["pend_N3", "rand_x3u1_N4", "eq_portfolio_n4"])
def test_rows_that_say_nothing_new_change_nothing(name, how, problem, solved):
    law = solve_explicit(changed(problem(name), how))
    points = law.centre + np.random.default_rng(0).uniform(-1, 1, (300, law.t)) * law.half_width
    assert apart(solved(name), law, points) <= SAME


@pytest.mark.parametrize("tighter", [1e-2, 1e-4, 1e-6, 1e-7, 1e-8])
def test_a_row_that_is_tighter_by_a_hair_counts(tighter, line):
    """z <= 1 beside z <= 1 + a hair, in both orders: the smaller limit holds."""
    for limits in ([1.0, 1 + tighter], [1 + tighter, 1.0]):
        law = solve_explicit(line(G=[[1], [1]], w=limits, S=[[0], [0]]))
        assert law([1.9]) == pytest.approx(1.0, abs=1e-12)


@given(SEEDS)
def test_an_equality_row_is_two_inequalities(seed):
    generator = np.random.default_rng(seed)
    problem = random_problem(generator)
    one = replace(problem, w=problem.w + 5.0, equality_rows=())
    row = (
        generator.normal(size=(1, problem.n)),
        generator.normal(size=1) / 5,
        generator.normal(size=(1, problem.t)) / 5,
    )
    first = replace(one, G=np.vstack([row[0], one.G]), w=np.r_[row[1], one.w], S=np.vstack([row[2], one.S]))
    equality = solve_explicit(replace(first, equality_rows=(0,)))
    both = replace(first, G=np.vstack([first.G, -row[0]]), w=np.r_[first.w, -row[1]], S=np.vstack([first.S, -row[2]]))
    points = generator.uniform(-1, 1, (100, problem.t))
    assert apart(equality, solve_explicit(both), points) <= SAME
    z = equality.solution(points[equality.nearest(points)[2]])
    theta = points[equality.nearest(points)[2]]
    assert z @ row[0][0] == pytest.approx(row[1][0] + theta @ row[2][0], abs=SAME)


def test_no_rows_at_all_give_one_region(plane):
    law = solve_explicit(plane())
    assert (len(law.regions), law.regions[0].active) == (1, ())
    assert law([1.0, -1.5]) == pytest.approx([1.0, -1.5])


def test_a_weakly_active_row_does_not_split_the_law(plane):
    """z1 <= theta1 touches the free solution z = theta everywhere, and never has a multiplier."""
    law = solve_explicit(plane(G=[[1, 0]], w=[0], S=[[1, 0]]))
    assert len(law.regions) == 1
    points = np.random.default_rng(0).uniform(-2, 2, (200, 2))
    assert law(points) == pytest.approx(points, abs=1e-12)


def test_all_rows_as_equalities_leave_an_affine_law(plane):
    law = solve_explicit(plane(G=np.eye(2), w=[1, 0], S=[[0, 0], [1, 1]], equality_rows=(0, 1)))
    assert law([0.5, -0.25]) == pytest.approx([1.0, 0.25])


def test_theta_on_a_line_and_in_a_polytope(line, plane):
    law = solve_explicit(line(G=[[1], [-1]], w=[1, 1], S=[[0], [0]]))
    assert [r.active_rows for r in law.regions] == [(), (0,), (1,)]
    triangle = solve_explicit(plane(A_theta=[[1, 1], [-1, 0], [0, -1]], b_theta=[1, 0, 0]))
    assert triangle.locate([0.6, 0.6]).margin < 0 < triangle.locate([0.3, 0.3]).margin


def test_a_limit_far_smaller_than_the_free_solution_is_met_to_its_own_precision():
    model = LinearModel([[1.0188, 0.0503], [0.7547, 1.0188]], [[0.0038], [0.1509]], sample_time=0.05)
    law = solve_explicit(MPCProblem(model, np.eye(2), 0.001, 2, input_bounds=(-1e-6, 1e-6), parameter_bounds=UNIT))
    saturated = [r for r in law.regions if len(r.active) == 2]
    assert saturated
    for region in saturated:
        assert np.abs(region.solution_gain).max() == 0
        assert np.abs(region.solution_offset) == pytest.approx([1e-6, 1e-6], rel=1e-13)


def test_a_small_gain_is_not_noise(line):
    law = solve_explicit(
        line(F=[[-1, -1e-9]], S=np.zeros((0, 2)), A_theta=np.r_[np.eye(2), -np.eye(2)], b_theta=[2] * 4)
    )
    assert law([0, 1.5]) == pytest.approx([1.5e-9], rel=1e-12)


@pytest.mark.parametrize("tiny", [1e-12, 1e-15, 1e12])
def test_rows_of_any_size_count(tiny, line):
    """A limit on z, a limit on theta and the parameter set, each multiplied by a number far from 1."""
    plain = line(G=[[1], [0]], w=[0.5, 1], S=[[0], [-1]])
    law = solve_explicit(plain)
    for changes in ({"G": plain.G * tiny, "w": plain.w * tiny, "S": plain.S * tiny},
                    {"A_theta": plain.A_theta * tiny, "b_theta": plain.b_theta * tiny}):  # fmt: skip
        other = solve_explicit(replace(plain, **changes))
        assert len(other.regions) == len(law.regions) == 2
        assert np.array(other.parameter_bounds) == pytest.approx(np.array(law.parameter_bounds))
        assert np.asarray(other.locate([[-2.0], [1.0]]).margin) == pytest.approx([0, 0], abs=1e-12)
        assert other([[-2], [0.3], [0.9]]) == pytest.approx(law([[-2], [0.3], [0.9]]))


@pytest.mark.parametrize("place", [1e2, 1e4, 1e6])
def test_far_from_the_origin(place, oracle, plane):
    """Parameters around 475 K or 1e6 Pa, ranges of order one: facets still belong to a region."""
    near = plane(G=[[1, 1], [-1, 1]], w=[1, 1], S=[[0, 0], [0, 0]])
    shift = np.array([place, -place])
    far = replace(
        near, f=near.f - near.F @ shift, w=near.w - near.S @ shift, b_theta=near.b_theta + near.A_theta @ shift
    )
    one, other = solve_explicit(near), solve_explicit(far)
    points = np.random.default_rng(0).uniform(-2, 2, (300, 2))
    assert other(points + shift) == pytest.approx(one(points), abs=1e-15 * place * 10)
    with pytest.raises(OutsideDomain):
        other(shift + 2.001)
