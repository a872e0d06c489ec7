"""Refinement beside exact fractions: nearly singular weights, equality rows, parameters far from 0, bad scales."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from mpc import MultiparametricQP, ProblemError, solve_explicit
from mpc.explicit.explore import explore
from mpc.explicit.presolve import presolve
from mpc.explicit.refine import refined

SEEDS = st.integers(0, 2**32 - 1)
EXACT = 1e-12  # relative to the largest entry of a law's row
BOX = np.vstack([np.eye(2), -np.eye(2)])


def gauss(matrix: list[list[Fraction]], right: list[list[Fraction]]) -> list[list[Fraction]]:
    """The exact solution of a square system, by elimination in fractions."""
    size = len(matrix)
    rows = [list(left) + list(extra) for left, extra in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for i in range(size):
            if i != column and rows[i][column] != 0:
                factor = rows[i][column]
                rows[i] = [entry - factor * other for entry, other in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


def fractions(array: np.ndarray) -> np.ndarray:
    return np.array([Fraction(float(entry)) for entry in array.ravel()], dtype=object).reshape(array.shape)


def exact_law(problem: MultiparametricQP, active: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """z = offset + gain theta of one active set, from the KKT conditions of the numbers as they stand."""
    rows = []
    for row in sorted({*active, *presolve(problem).equalities.tolist()}):
        rows += [row] if np.linalg.matrix_rank(problem.G[[*rows, row]]) > len(rows) else []
    n, k = problem.n, len(rows)
    kkt = np.zeros((n + k, n + k), dtype=object)
    kkt[:n, :n], kkt[n:, :n], kkt[:n, n:] = problem.H, problem.G[rows], problem.G[rows].T
    upper, lower = -np.c_[problem.f, problem.F], np.c_[problem.w[rows], problem.S[rows]]
    exact = gauss(fractions(kkt).tolist(), fractions(np.vstack([upper, lower])).tolist())
    solution = np.array(exact, dtype=float)[:n]
    return solution[:, 0], solution[:, 1:]


def beside_fractions(law) -> float:
    """How far z is from the fractions in any region, at its centre and as a gain in half widths, beside its size."""
    worst = 0.0
    for region in law.regions:
        offset, gain = exact_law(law.problem, region.active_rows)
        size = np.abs(offset + gain @ law.centre) + np.abs(gain) @ law.half_width
        slope = np.abs((region.solution_gain - gain) * law.half_width).max(axis=1, initial=0.0)
        level = np.abs(offset + gain @ law.centre - region.solution_offset - region.solution_gain @ law.centre)
        rounding = 4e-16 * (np.abs(offset) + np.abs(gain) @ np.abs(law.centre))
        worst = max(worst, *(slope / size.max()), *((level - rounding) / size.max()))
    return worst


def nearly_singular(seed: int, decades: float, n: int = 3) -> MultiparametricQP:
    """H with eigenvalues so many decades apart, in oblique directions, and limits on every variable."""
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.normal(size=(n, n)))[0]
    H = turn * np.logspace(0, -decades, n) @ turn.T
    F = generator.normal(size=(n, 2))
    G = np.vstack([np.eye(n), -np.eye(n)])
    return MultiparametricQP(
        (H + H.T) / 2, generator.normal(size=n), F, G, np.full(2 * n, 100.0), np.zeros((2 * n, 2)), BOX, np.ones(4)
    )


@given(SEEDS, st.sampled_from([0.0, 2.0, 4.0, 6.0, 8.0]))
def test_nearly_singular_weights_cost_no_digits(seed, decades):
    assert beside_fractions(solve_explicit(nearly_singular(seed, decades))) <= EXACT


def test_float64_alone_loses_digits():
    """The test above tells: the same conditions solved in float64 alone do not pass it."""
    problem = nearly_singular(0, 8.0)
    offset, gain = exact_law(problem, ())
    found = -np.linalg.solve(problem.H, np.c_[problem.f, problem.F])
    assert np.abs(found - np.c_[offset, gain]).max() > 5 * EXACT * np.abs(gain).max()


@given(SEEDS)
def test_units_far_apart_cost_no_digits(seed):
    """Variables in units up to 1e6 apart, and rows of as many sizes."""
    generator = np.random.default_rng(seed)
    plain = nearly_singular(seed, 1.0)
    unit, row = 10.0 ** generator.uniform(-3, 3, plain.n), 10.0 ** generator.uniform(-4, 4, len(plain.w))
    law = solve_explicit(
        MultiparametricQP(
            plain.H * np.outer(unit, unit),
            plain.f * unit,
            plain.F * unit[:, None],
            plain.G * unit * row[:, None],
            plain.w * row,
            plain.S * row[:, None],
            BOX,
            np.ones(4),
        )
    )
    for region in law.regions:
        offset, gain = exact_law(law.problem, region.active_rows)
        size = (np.abs(offset) + np.abs(gain).sum(axis=1)) * unit
        wrong = np.abs(region.solution_offset - offset) + np.abs(region.solution_gain - gain).sum(axis=1)
        assert (wrong * unit <= EXACT * size.max()).all()


@pytest.mark.parametrize("place", [1e3, 1e6])
def test_parameters_far_from_0_leave_the_solution_where_it_was(place):
    """theta in [place - 1, place + 1]: f and w take the shift off again."""
    plain, shift = nearly_singular(1, 3.0), np.array([place, -place])
    generator = np.random.default_rng(0)
    S = 0.1 * generator.normal(size=plain.S.shape)
    near = MultiparametricQP(plain.H, plain.f, plain.F, plain.G, plain.w, S, BOX, np.ones(4))
    far = MultiparametricQP(
        plain.H, plain.f - plain.F @ shift, plain.F, plain.G, plain.w - S @ shift, S, BOX, np.ones(4) + BOX @ shift
    )
    law, moved = solve_explicit(near), solve_explicit(far)
    assert beside_fractions(moved) <= EXACT
    theta = generator.uniform(-1, 1, (300, 2))
    inside = law.nearest(theta)[2]
    condition = np.abs(law.regions.solution_gain).max()
    assert moved.solution(theta[inside] + shift) == pytest.approx(
        law.solution(theta[inside]), abs=1e-15 * place * condition * 100
    )


def with_equalities(seed: int) -> MultiparametricQP:
    """Four variables, two of their sums given by theta, limits on all."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(4, 4)) + np.eye(4)
    G = np.vstack([generator.normal(size=(2, 4)), np.eye(4), -np.eye(4)])
    S = np.vstack([generator.normal(size=(2, 2)), np.zeros((8, 2))])
    w = np.r_[generator.uniform(-0.2, 0.2, 2), np.full(8, 3.0)]
    F = 3 * generator.normal(size=(4, 2))
    return MultiparametricQP(root @ root.T, generator.normal(size=4), F, G, w, S, BOX, np.ones(4) / 2, (0, 1))


@given(SEEDS)
def test_equality_rows_hold_to_the_last_bits_and_the_rest_is_exact(seed):
    problem = with_equalities(seed)
    law = solve_explicit(problem)
    assert beside_fractions(law) <= EXACT
    theta = law.centre + np.random.default_rng(seed).uniform(-1, 1, (200, 2)) * law.half_width
    theta = theta[law.nearest(theta)[2]]
    z = law.solution(theta)
    size = np.abs(z) @ np.abs(problem.G[:2]).T + np.abs(problem.w[:2]) + np.abs(theta) @ np.abs(problem.S[:2]).T
    largest = np.abs(law.regions.solution_offset).max() + np.abs(law.regions.solution_gain).max()
    missed = np.abs(z @ problem.G[:2].T - problem.w[:2] - theta @ problem.S[:2].T)
    assert (missed <= 1e-15 * (size + largest)).all()


@pytest.mark.parametrize("name", ["eq_portfolio_n4", "deg_implicit_eq", "deg_badscale", "cart_N5", "chain2m1u_N2"])
def test_stored_problems_beside_fractions(name, solved):
    assert beside_fractions(solved(name)) <= EXACT


def test_facets_are_where_multipliers_and_slacks_vanish():
    """Each row of a region, at a point on it: one multiplier or slack of the exact KKT solution is 0."""
    law = solve_explicit(nearly_singular(3, 4.0))
    problem = law.problem
    for region in law.regions:
        offset, gain = exact_law(problem, region.active_rows)
        for row, level in zip(region.A, region.b, strict=True):
            theta = region.centre + row * (level - row @ region.centre) / (row @ row)
            slack = problem.w + problem.S @ theta - problem.G @ (offset + gain @ theta)
            gradient = problem.H @ (offset + gain @ theta) + problem.f + problem.F @ theta
            active = list(region.active_rows)
            multipliers = np.linalg.lstsq(-problem.G[active].T, gradient, rcond=None)[0] if active else np.zeros(0)
            others = np.setdiff1d(np.arange(len(slack)), active)
            border = problem.b_theta - problem.A_theta @ theta
            assert np.abs(np.r_[multipliers, slack[others], border]).min() <= 1e-11


def hard(seed: int, decades: float, equalities: int, gain: float) -> MultiparametricQP:
    """Four variables whose weights are decades apart, oblique rows with factors of 1e-6 to 1e6, and equality rows."""
    generator = np.random.default_rng(seed)
    plain = nearly_singular(seed, decades, 4)
    G = np.vstack([generator.normal(size=(equalities, 4)), plain.G, generator.normal(size=(4, 4))])
    w = np.r_[generator.uniform(-0.2, 0.2, equalities), np.full(8, 30.0), generator.uniform(5, 20, 4)]
    S = np.vstack([generator.normal(size=(equalities, 2)), np.zeros((8, 2)), generator.normal(size=(4, 2))])
    row = 10.0 ** generator.uniform(-6, 6, len(w))
    G, w, S = G * row[:, None], w * row, S * row[:, None]
    return MultiparametricQP(plain.H, plain.f, gain * plain.F, G, w, S, BOX, np.ones(4), tuple(range(equalities)))


def exact_region(problem: MultiparametricQP, ldp, active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z (n, c) over scaled parameters, the prices (q, c) and the slacks (q, c) of all rows of M."""
    maps = fractions(np.c_[ldp.frame.centre, ldp.frame.directions])
    linear, limit = fractions(problem.F).dot(maps), fractions(problem.S).dot(maps)
    linear[:, 0] += fractions(problem.f)
    limit[:, 0] += fractions(problem.w)
    n, fixed, G = problem.n, len(ldp.equalities), fractions(problem.G)
    rows = [*ldp.equalities, *ldp.rows[active]]
    kkt = np.full((n + len(rows), n + len(rows)), Fraction(0), dtype=object)
    kkt[:n, :n], kkt[n:, :n], kkt[:n, n:] = fractions(problem.H), G[rows], G[rows].T
    solution = np.array(gauss(kkt.tolist(), np.vstack([-linear, limit[rows]]).tolist()), dtype=object)
    prices = np.full((len(active), linear.shape[1]), Fraction(0), dtype=object)
    prices[active] = solution[n + fixed :]
    return solution[:n], prices, (limit - G.dot(solution[:n]))[ldp.rows]


def unit(row: np.ndarray) -> np.ndarray:
    """A row level + slope phi as (slope, level) of slope phi <= level, of unit length."""
    largest = max(abs(entry) for entry in row[1:])
    near = np.array([float(entry / largest) for entry in row])
    return np.r_[-near[1:], near[0]] / np.linalg.norm(near[1:])


@given(SEEDS, st.sampled_from([2.0, 5.0, 8.0]), st.integers(0, 2), st.sampled_from([1.0, 1e3]))
@settings(max_examples=15)
def test_every_number_is_right_to_its_last_bit(seed, decades, equalities, gain):
    problem = hard(seed, decades, equalities, gain)
    try:
        ldp = presolve(problem)
    except ProblemError:  # a limit of which rounding leaves nothing beside the free solution
        reject()
    found = explore(ldp)
    solutions, ends = refined(problem, ldp, found), np.cumsum(found.facet_count)
    border = np.c_[ldp.e, -ldp.E]
    for region in np.random.default_rng(seed).permutation(len(ends))[:4]:
        z, *over = exact_region(problem, ldp, found.active[region])
        z, rows = z.astype(float), [*over[0], *over[1], *border]
        rounding = 2.0**-53 * np.abs(z) + 1e-20 * np.abs(z).sum(axis=1, keepdims=True)
        assert (np.abs(solutions.solution[region] - z) <= rounding).all()
        for facet in range(ends[region] - found.facet_count[region], ends[region]):
            row = unit(rows[found.facets[facet]])
            assert solutions.A[facet] == pytest.approx(row[:-1], abs=5e-16)
            assert solutions.b[facet] == pytest.approx(row[-1], rel=5e-16, abs=5e-16)


def test_rows_that_nearly_depend_on_each_other_cost_no_digits():
    """Two limits 1e-5 apart in direction, both active: what they say of the second variable is 1e5 times smaller."""
    G, S = [[1, 0], [1, 1e-5]], [[0], [0.4e-10]]
    w, box = [-1, -1 - 0.5e-10], ([[1], [-1]], [1, 1])
    law = solve_explicit(MultiparametricQP(np.eye(2), [0, 0], [[0], [0]], G, w, S, *box))
    assert (0, 1) in [region.active_rows for region in law.regions]
    assert beside_fractions(law) <= EXACT


def test_what_a_region_gets_does_not_depend_on_the_others(problem):
    """Also where the first corrections settle some regions and not others: each alone has the same bytes."""
    qp = problem("pend_N4")
    ldp = presolve(qp)
    found = explore(ldp)
    whole, ends = refined(qp, ldp, found), np.cumsum(found.facet_count)
    for region, end in enumerate(ends):
        own, facets = slice(region, region + 1), slice(end - found.facet_count[region], end)
        count, codes = found.facet_count[own], found.facets[facets]
        alone = refined(qp, ldp, replace(found, active=found.active[own], facet_count=count, facets=codes))
        assert alone.solution.tobytes() == whole.solution[own].tobytes()
        assert (alone.A.tobytes(), alone.b.tobytes()) == (whole.A[facets].tobytes(), whole.b[facets].tobytes())


def test_rows_have_unit_length(problem):
    qp = problem("deg_badscale")
    ldp = presolve(qp)
    found = explore(ldp)
    solutions = refined(qp, ldp, found)
    assert np.linalg.norm(solutions.A, axis=1) == pytest.approx(np.ones(len(solutions.A)), abs=1e-15)
    assert solutions.solution.shape == (len(found.active), qp.n, qp.t + 1)
    assert len(solutions.b) == found.facet_count.sum()
