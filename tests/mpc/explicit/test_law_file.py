"""Law files: every part of a law comes back, and every part of it counts in the digest."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, PiecewiseAffineLaw, Polyhedron, solve_explicit


@pytest.fixture(scope="module")
def shared_load():
    """z0 + z1 = theta, z0 <= 1: a law whose problem has an equality row."""
    rows = {"G": [[1, 1], [1, 0]], "w": [0, 1], "S": [[1], [0]], "equality_rows": (0,)}
    return solve_explicit(MultiparametricQP(np.eye(2), [0, 0], [[0], [0]], A_theta=[[1], [-1]], b_theta=[4, 4], **rows))


def test_the_problem_comes_back_with_its_equality_rows(shared_load, tmp_path):
    shared_load.save(tmp_path / "law.npz")
    again = PiecewiseAffineLaw.load(tmp_path / "law.npz")
    assert again.problem.equality_rows == (0,)
    assert again.multipliers([1.0]) == pytest.approx(shared_load.multipliers([1.0]))
    for name in ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta"):
        assert np.array_equal(getattr(again.problem, name), getattr(shared_load.problem, name))
    assert again.certify().ok


def test_everything_but_the_certificate_counts_in_the_digest(shared_load):
    lower, upper = shared_load.parameter_bounds
    others = [
        replace(shared_load, problem=None),
        replace(shared_load, problem=replace(shared_load.problem, equality_rows=())),
        replace(shared_load, problem=replace(shared_load.problem, w=[0, 2])),
        replace(shared_load, partial="stopped"),
        replace(shared_load, labels=replace(shared_load.labels, rows=("balance", "limit")), problem=None),
        replace(shared_load, parameter_set=Polyhedron.from_bounds(lower, 2 * upper)),
        replace(shared_load, parameter_bounds=(lower, 2 * upper)),
        replace(shared_load, regions=tuple(shared_load.regions)[::-1]),
        replace(shared_load, regions=tuple(shared_load.regions)[:1]),
    ]
    assert len({law.digest for law in (shared_load, *others)}) == len(others) + 1
    certified = replace(shared_load)
    certified.certify()
    assert certified.digest == shared_load.digest == replace(shared_load).digest
