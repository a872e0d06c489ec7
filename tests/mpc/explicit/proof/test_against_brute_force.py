"""The certificate against two checks that share nothing with it: exact intervals in 1-D, a KKT grid in 2-D."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import certify
from mpc.explicit.proof.finding import Kind

MOVES = [0.0, 1e-7, 1e-5, 1e-3, 0.05]


@pytest.fixture(scope="module")
def line():
    """A law of one parameter in [-1, 1] with several regions."""
    generator = np.random.default_rng(7)
    root = generator.normal(size=(4, 4))
    problem = MultiparametricQP(
        root @ root.T + 0.3 * np.eye(4), [0.0] * 4, 4 * generator.normal(size=(4, 1)),
        np.vstack([np.eye(4), -np.eye(4)]), np.ones(8), np.zeros((8, 1)), [[1.0], [-1.0]], [1.0, 1.0],
    )  # fmt: skip
    law = solve_explicit(problem)
    assert len(law.regions) >= 5
    return law, problem


def interval(region):
    ends = region.b / region.A[:, 0]
    return ends[region.A[:, 0] < 0].max(), ends[region.A[:, 0] > 0].min()


@settings(max_examples=60)
@given(data=st.data())
def test_intervals_moved_at_both_ends(line, data):
    law, problem = line
    sides = st.tuples(st.sampled_from(MOVES), st.sampled_from([-1, 1])).map(lambda pair: pair[0] * pair[1])
    by = [data.draw(st.tuples(sides, sides)) for _ in law.regions]
    inner = [i for i, r in enumerate(law.regions) if max(np.abs(interval(r))) < 1 - 1e-9]
    regions = [replace(r, b=r.b + by[i]) if i in inner else r for i, r in enumerate(law.regions)]
    damaged = replace(law, regions=tuple(regions))
    ends = np.array([interval(r) for r in regions])
    full = np.flatnonzero(ends[:, 1] - ends[:, 0] > 1e-8)
    order = full[ends[full, 0].argsort()]
    covered, gaps = ends[order[0], 1], []
    for low, high in ends[order[1:]]:
        gaps.append(max(low - covered, 0.0))
        covered = max(covered, high)
    pairs = {
        (min(i, j), max(i, j))
        for i in full for j in full[full < i]
        if min(ends[i, 1], ends[j, 1]) - max(ends[i, 0], ends[j, 0]) > 1e-8
    }  # fmt: skip
    certificate = certify(damaged, problem)
    assert certificate.widest == pytest.approx(max(gaps), abs=2e-9)
    found = {tuple(sorted(f.regions)) for f in certificate.failures if f.kind is Kind.OVERLAP}
    assert pairs == found
    assert certificate.ok == (not pairs and max(gaps) < 1e-8 and not certificate.failures)


def kkt_error(problem, theta, z):
    """What is left of the gradient beside the cone of the rows that are tight at z, and the worst violation."""
    slack = problem.w + problem.S @ theta - problem.G @ z
    tight = slack < 1e-7
    gradient = problem.H @ z + problem.f + problem.F @ theta
    return nnls(problem.G[tight].T, -gradient)[1] if tight.any() else np.linalg.norm(gradient), -slack.min()


@settings(max_examples=25)
@given(
    kind=st.sampled_from(["none", "drop", "shrink", "grow", "gain"]),
    number=st.integers(0, 18),
    seed=st.integers(0, 10**6),
)
def test_a_damage_that_a_grid_sees_is_never_certified(solved, problem, kind, number, seed):
    law, mpqp = solved("dint_N3"), problem("dint_N3")
    region = law.regions[number]
    gain = np.array(region.solution_gain)
    gain[0, 0] += 0.05
    made = {
        "none": [region],
        "drop": [],
        "shrink": [replace(region, b=region.b - 0.02)],
        "grow": [replace(region, b=region.b + 0.02)],
        "gain": [replace(region, solution_gain=gain, gain=gain[: law.m])],
    }[kind]
    damaged = replace(law, regions=(*law.regions[:number], *made, *law.regions[number + 1 :]))
    lower, upper = law.parameter_bounds
    thetas = np.random.default_rng(seed).uniform(lower, upper, (40, 2))
    thetas = np.vstack([thetas, region.centre])
    seen = False
    for theta in thetas:
        own = [r for r in damaged.regions if (r.A @ theta <= r.b - 1e-9).all()]
        errors = [kkt_error(mpqp, theta, r.solution_gain @ theta + r.solution_offset) for r in own]
        seen |= len(own) > 1 or any(max(pair) > 1e-5 for pair in errors)
        seen |= not own and law.locate(theta).margin > 1e-6
    certificate = certify(damaged, mpqp)
    assert not (seen and certificate.ok)
    assert certificate.ok == (kind == "none")
