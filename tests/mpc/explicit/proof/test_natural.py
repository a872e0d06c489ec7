"""Laws that are 0 everywhere, and problems in any units: the verdict is that of the problem, not of rounding."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import certify
from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.natural import natural_size


def zero(seed, kind):
    """The arrays of a problem whose solution is 0 for every theta, held there by rows."""
    generator = np.random.default_rng(seed)
    n, t = int(generator.integers(2, 5)), int(generator.integers(1, 4))
    root, rows = generator.normal(size=(n, n)), generator.normal(size=(n, n))
    G = {"equalities": rows, "pairs": np.vstack([rows, -rows]), "cone": np.vstack([rows, rows.sum(axis=0)])}[kind]
    pull = -20 * G.T @ generator.uniform(1, 2, len(G)) if kind == "cone" else generator.normal(size=n)
    return {
        "H": root @ root.T + 0.1 * np.eye(n), "f": pull, "F": 0.1 * generator.normal(size=(n, t)), "G": G,
        "w": np.zeros(len(G)), "S": np.zeros((len(G), t)), "A_theta": np.vstack([np.eye(t), -np.eye(t)]),
        "b_theta": np.ones(2 * t), "equality_rows": tuple(range(n)) if kind == "equalities" else (),
    }  # fmt: skip


def in_units(arrays, z, theta, rows):
    """The same problem for z / `z`, theta / `theta` and rows multiplied by `rows`."""
    return arrays | {
        "H": arrays["H"] * np.outer(z, z), "f": arrays["f"] * z, "F": z[:, None] * arrays["F"] * theta,
        "G": rows[:, None] * arrays["G"] * z, "w": rows * arrays["w"], "S": rows[:, None] * arrays["S"] * theta,
        "A_theta": arrays["A_theta"] * theta,
    }  # fmt: skip


def units(arrays, seed):
    generator = np.random.default_rng(seed)
    return [10 ** generator.uniform(-6, 6, k) for k in (*arrays["F"].shape, len(arrays["w"]))]


@pytest.mark.parametrize("kind", ["equalities", "pairs", "cone"])
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), scaled=st.booleans())
def test_a_law_that_is_0_everywhere_is_certified_in_any_units(kind, seed, scaled):
    arrays = zero(seed, kind)
    if scaled:
        arrays = in_units(arrays, *units(arrays, seed))
    certificate = solve_explicit(MultiparametricQP(**arrays)).certify()
    assert certificate.ok, str(certificate)


@pytest.mark.parametrize("kind", ["equalities", "pairs", "cone"])
def test_what_is_not_0_beside_the_problem_is_still_found(kind):
    arrays = zero(5, kind)
    problem = MultiparametricQP(**arrays)
    law = solve_explicit(problem)
    for by in (1e-7, -1e-7):
        offset = law.regions[0].solution_offset + by * np.abs(np.linalg.solve(arrays["H"], arrays["f"]))
        region = replace(law.regions[0], solution_offset=offset, offset=offset[: law.m])
        assert not certify(replace(law, regions=(region, *law.regions[1:])), problem).ok


def test_the_size_moves_with_the_units_of_z_alone():
    arrays = zero(3, "cone")
    arrays["w"] = np.arange(1.0, len(arrays["w"]) + 1)
    z, theta, rows = units(arrays, 1)
    for H in (arrays["H"], np.zeros_like(arrays["H"])):
        sizes = []
        for data in (arrays | {"H": H}, in_units(arrays | {"H": H}, z, theta, rows)):
            problem = MultiparametricQP(**data)
            box = problem.parameter_set.box()
            hull = Cells.of(solve_explicit(MultiparametricQP(**(data | {"H": np.diag(1 / z**2)})))).hull
            assert np.allclose(hull.half_width, (box[1] - box[0]) / 2)
            sizes.append(natural_size(problem, hull))
        assert np.allclose(sizes[0], sizes[1] * z, rtol=1e-6)
        assert (sizes[0] > 0).all()


@pytest.mark.parametrize("relative", [1e-3, 1e-7, 1e-9, 1e-11])
@pytest.mark.parametrize("centre", [1.0, 1e3])
def test_a_narrow_box_far_from_0_is_certified_to_the_tolerance_that_its_rounding_leaves(centre, relative):
    generator = np.random.default_rng(7)
    half = centre * relative
    H, F = np.array([[1.0, 0.4], [0.4, 0.8]]), generator.normal(size=(2, 2)) / half
    box = np.r_[np.full(2, centre + half), np.full(2, half - centre)]
    sides = np.vstack([np.eye(2), -np.eye(2)])
    problem = MultiparametricQP(H, -F @ np.full(2, centre), F, sides, np.full(4, 0.5), np.zeros((4, 2)), sides, box)
    law = solve_explicit(problem)
    certificate = law.certify()
    assert certificate.ok, str(certificate)
    assert certificate.tolerance == pytest.approx(max(1e-9, 16 * np.finfo(float).eps / relative), rel=1e-3)
    assert f"tolerance {certificate.tolerance:g}" in str(certificate)
    moved = replace(law.regions[0], b=law.regions[0].b - 10 * certificate.tolerance)
    assert certify(replace(law, regions=(moved, *law.regions[1:])), problem).uncovered
