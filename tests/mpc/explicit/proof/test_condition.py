"""Badly conditioned H: exact laws are certified, damage of 1e-7 is named, and the noise of gradients is no failure."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import certify
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.extended import extended, fit, unit_rows
from mpc.explicit.proof.finding import Kind
from mpc.explicit.proof.measure import Measure, null_space

SEEDS = range(10)
CONDITIONS = [1e5, 1e6, 1e7, 1e8]
LONG = np.finfo(np.longdouble).eps < 1e-17
pytestmark = pytest.mark.skipif(not LONG, reason="long double is float64 here: such laws are refused")


def rotated(seed, condition, power=None):
    """A problem in 2 to 4 variables whose H has its eigenvectors anywhere; F grows with this power of eigenvalues."""
    generator = np.random.default_rng(seed)
    n, t, q = (int(generator.integers(*limits)) for limits in ((2, 5), (1, 3), (4, 8)))
    turn = np.linalg.qr(generator.normal(size=(n, n)))[0]
    values = condition ** np.linspace(-0.5, 0.5, n)
    H = turn @ np.diag(values) @ turn.T
    power = (0.5, 1.0)[seed % 2] if power is None else power
    F = 3 * turn @ np.diag(values**power) @ generator.normal(size=(n, t))
    return MultiparametricQP(
        (H + H.T) / 2, np.zeros(n), F, generator.normal(size=(q, n)), generator.uniform(0.2, 2, q),
        generator.normal(size=(q, t)) * 0.3, np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t),
    )  # fmt: skip


@pytest.fixture(scope="module")
def laws():
    """Law and problem of a seed and a condition, solved once."""
    kept = {}

    def law(seed, condition):
        if (seed, condition) not in kept:
            problem = rotated(seed, condition)
            kept[seed, condition] = solve_explicit(problem), problem
        return kept[seed, condition]

    return law


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_exact_laws_are_certified(laws, seed, condition):
    certificate = certify(*laws(seed, condition))
    assert certificate.ok, str(certificate)
    assert certificate.residual < 3e-10


@pytest.mark.parametrize("seed", SEEDS)
def test_damage_of_a_ten_millionth_in_one_gain_is_named(laws, change, seed):
    law, problem = laws(seed, 1e8)
    measure = measured(law, problem)
    for index in range(min(len(law.regions), 2)):
        for row in range(problem.n):
            gain = np.array(law.regions[index].solution_gain)
            gain[row, 0] += 1e-7 * measure.size[row]
            certificate = certify(change(law, index, solution_gain=gain, gain=gain[: law.m]), problem)
            failures = [f for f in certificate.failures if f.kind is not Kind.JUMP]
            assert failures, f"region {index}, row {row}"
            assert all(index in failure.regions for failure in failures)
            assert {f.kind for f in failures} & {Kind.ACTIVE, Kind.STATIONARY, Kind.LISTED, Kind.SLACK}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_residual_is_the_error_of_a_free_region(laws, seed):
    """Where no row is tight the error of z is known: the damage itself, whatever the condition of H."""
    law, problem = laws(seed, 1e8)
    free = [i for i, region in enumerate(law.regions) if not region.active_rows]
    measure = measured(law, problem)
    for index in free[:1]:
        offset = np.array(law.regions[index].solution_offset)
        offset += 1e-7 * measure.size * np.where(np.arange(problem.n) % 2, -1.0, 0.3)
        regions = list(law.regions)
        regions[index] = replace(regions[index], solution_offset=offset, offset=offset[: law.m])
        certificate = certify(replace(law, regions=tuple(regions)), problem)
        assert certificate.residual == pytest.approx(1e-7, rel=1e-2)


@pytest.mark.parametrize("seed", [2, 8])
def test_what_a_steep_law_misses_only_outside_its_narrow_region_is_let_off(seed):
    """The free region is 1e-4 wide: its gain is rounded, which over the whole parameter set means 1e-9 of z."""
    steep = rotated(seed, 1e8, power=0.0)
    law = solve_explicit(steep)
    assert min(region.radius for region in law.regions) < 1e-3
    certificate = certify(law, steep)
    assert certificate.ok, str(certificate)


def steep_everywhere(seed):
    """A problem in 2 to 4 parameters whose free region is a strip 1e-8 wide, and others between its rows as thin."""
    generator = np.random.default_rng([8, seed])
    t, n, q = (int(generator.integers(*limits)) for limits in ((2, 5), (2, 6), (4, 11)))
    turn = np.linalg.qr(generator.normal(size=(n, n)))[0]
    ends = np.r_[1e-4, 1e4, 10 ** generator.uniform(-4, 4, n - 2)]
    values = 1e8 ** np.linspace(-0.5, 0.5, n) if seed % 2 else ends
    H, F = turn @ np.diag(values) @ turn.T, 3 * turn @ np.diag(values ** (seed % 3 / 2)) @ generator.normal(size=(n, t))
    return MultiparametricQP(
        (H + H.T) / 2, np.zeros(n), F, generator.normal(size=(q, n)), generator.uniform(0.2, 2, q),
        generator.normal(size=(q, t)) * 0.3 * (seed % 4 > 0), np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t),
    )  # fmt: skip


@pytest.mark.parametrize("seed", [125, 158, 563, 698, 841, 884, 1001, 1331])
def test_laws_with_regions_thinner_than_the_tolerance_are_certified(seed):
    """A cell without thickness, a linear program that HiGHS gives up, thin facets, a jump over a gap of 1e-9."""
    problem = steep_everywhere(seed)
    certificate = certify(solve_explicit(problem), problem)
    assert certificate.ok, str(certificate)


def test_gradients_are_those_of_exact_fractions(laws):
    law, problem = laws(3, 1e8)
    cells, measure = Cells.of(law), measured(law, problem)
    gradients = measure.gradients(cells.gains, cells.offsets)
    assert not len(cells.hull.normals)
    for i in range(len(cells)):
        z = np.vectorize(Fraction, otypes=[object])(np.c_[cells.offsets[i], cells.gains[i]])
        H, F = (np.vectorize(Fraction, otypes=[object])(part) for part in (problem.H, problem.F * law.half_width))
        exact = (H @ z + np.c_[np.zeros(problem.n, int), F]).astype(float) * measure.size[:, None]
        found = np.linalg.solve(measure.back.astype(float).T, gradients[i].astype(float))
        assert np.abs(found - exact).max() <= 1e-13 * np.abs(measure.H).max()


def test_fit_cancels_what_float64_cannot():
    generator = np.random.default_rng(4)
    rows = extended(generator.normal(size=(3, 5)))
    rows = unit_rows(np.vstack([rows, rows[0] + 1e-5 * rows[1] + 1e-5 * extended(generator.normal(size=5))]))
    weights = extended(generator.normal(size=(4, 2)))
    multipliers, left, independent = fit(rows, -(rows.T @ weights))
    assert independent
    assert np.abs(left).max() < 1e-18
    assert np.abs(multipliers - weights).max() < 1e-12
    outside = null_space(rows)
    assert np.abs(rows @ outside).max() < 1e-18
    assert np.abs(fit(rows, outside).left - outside).max() < 1e-13
    assert not fit(np.vstack([rows, rows[:1]]), outside).independent
    assert np.array_equal(fit(rows[:0], outside).left, outside)


def measured(law, problem):
    cells = Cells.of(law)
    return Measure.of(problem, cells.largest, cells.hull)
