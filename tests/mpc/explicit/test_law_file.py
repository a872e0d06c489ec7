"""Law files: every part of a law comes back, and every part of it counts in the digest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpc import MultiparametricQP, PiecewiseAffineLaw, Polyhedron, ProblemError, solve_explicit


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


def test_a_file_of_the_first_version_is_read_with_its_certificate():
    """The file was written before constants, readouts, row units and members were; its digest stands in it."""
    old = PiecewiseAffineLaw.load(Path(__file__).parents[2] / "data" / "laws" / "version_1.npz")
    assert old.certificate.ok
    assert old.digest == "f74653481778c4409911b2573a352277f1aee12034efe4167adc3f5fc44106b6"
    assert old([[-1.5], [0.5], [1.5]])[:, 0].tolist() == pytest.approx([-1, 0.5, 1])
    assert "valve at its upper limit 1 %: 1 % more would save 0.5 of cost" in str(old.explain([1.5]))


def test_members_of_merged_regions_and_row_units_come_back(shared_load, tmp_path):
    named = replace(shared_load, labels=replace(shared_load.labels, row_units=("t", "kg")), problem=None)
    small = named.merged()
    small.save(tmp_path / "law.npz")
    again = PiecewiseAffineLaw.load(tmp_path / "law.npz")
    assert again.digest == small.digest != replace(small, members=()).digest
    assert again.members == small.members
    assert again.labels.row_units == ("t", "kg")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (((0,),), "has 1 groups but the law 2 regions; give one for each"),
        ([(0,), (1,)], "must be a tuple of tuples of region numbers"),
        (((0,), ()), "must be a tuple of tuples of region numbers"),
        (((0,), (-1,)), "must be a tuple of tuples of region numbers"),
        (((0,), (1.0,)), "must be a tuple of tuples of region numbers"),
    ],
)
def test_members_fit_their_regions(shared_load, members, words):
    assert len(shared_load.regions) == 2
    with pytest.raises(ProblemError, match=words):
        replace(shared_load, members=members)


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
