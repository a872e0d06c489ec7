"""The judge counts what was damaged, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.solver.judge import Judge
from benchmarks.solver.oracle import Oracle
from benchmarks.solver.pieces import Pieces
from benchmarks.solver.problems import Problem, raw

CENTRAL = 4  # the square itself


@pytest.fixture
def judge(square):
    return Judge(Oracle(square), points=300, facets=100)


def without(pieces, region):
    rows, kept = pieces.owner != region, np.arange(len(pieces)) != region
    owner = np.searchsorted(np.flatnonzero(kept), pieces.owner[rows])
    return Pieces(pieces.A[rows], pieces.b[rows], owner, pieces.gains[kept], pieces.offsets[kept])


def test_the_right_law_is_clean_in_any_scale_of_its_rows(judge, nine):
    factor = 10.0 ** np.arange(len(nine.b)) / 1e10
    scaled = replace(nine, A=nine.A * factor[:, None], b=nine.b * factor)
    for pieces in (nine, scaled):
        verdict = judge.verdict(pieces)
        assert verdict.clean
        assert verdict.feasible == verdict.points > 300
        assert verdict.error < 1e-14


def test_a_dropped_region_is_holes_and_nothing_else(judge, nine):
    verdict = judge.verdict(without(nine, CENTRAL))
    assert verdict.holes > 20
    assert (verdict.wrong, verdict.overlaps) == (0, 0)


def test_a_region_shrunk_by_1e_5_shows_at_its_facets(judge, nine):
    b = nine.b.copy()
    b[nine.owner == CENTRAL] -= 3e-5
    verdict = judge.verdict(replace(nine, b=b))
    assert verdict.holes > 0
    assert verdict.overlaps == 0


def test_a_changed_gain_is_wrong_and_nothing_else(judge, nine):
    gains = nine.gains.copy()
    gains[CENTRAL] += 1e-4
    verdict = judge.verdict(replace(nine, gains=gains))
    assert verdict.wrong > 20
    assert (verdict.holes, verdict.overlaps) == (0, 0)
    assert 1e-5 < verdict.error < 1e-3


def test_a_region_twice_overlaps_and_nothing_else(judge, nine):
    rows = nine.owner == CENTRAL
    twice = Pieces(
        np.vstack([nine.A, nine.A[rows]]),
        np.append(nine.b, nine.b[rows]),
        np.append(nine.owner, np.full(4, 9)),
        np.concatenate([nine.gains, nine.gains[[CENTRAL]]]),
        np.concatenate([nine.offsets, nine.offsets[[CENTRAL]]]),
    )
    verdict = judge.verdict(twice)
    assert verdict.overlaps > 20
    assert (verdict.holes, verdict.wrong) == (0, 0)


def test_an_answer_where_none_exists_is_wrong():
    rows = np.array([[1.0], [-1.0]])
    narrow = raw(np.eye(1), [0.0], [[0.0]], rows, [1.0, 1.0], [[-1.0], [-1.0]], rows, [3.0, 3.0])  # |z| <= 1 - theta
    everywhere = Pieces(rows, np.array([3.0, 3.0]), np.array([0, 0]), np.array([[[0.0]]]), np.array([[0.0]]))
    verdict = Judge(Oracle(Problem("narrow", narrow, "")), points=100, facets=0).verdict(everywhere)
    infeasible = verdict.points - verdict.feasible
    assert infeasible > 20
    assert (verdict.wrong, verdict.holes) == (infeasible, 0)


def test_no_region_at_all_is_a_hole_everywhere(judge):
    nothing = Pieces(np.zeros((0, 2)), np.zeros(0), np.zeros(0, int), np.zeros((0, 2, 2)), np.zeros((0, 2)))
    verdict = judge.verdict(nothing)
    assert verdict.holes == verdict.feasible == 300
    assert not verdict.clean


def test_a_region_without_rows_is_named():
    broken = Pieces(np.ones((1, 1)), np.ones(1), np.array([1]), np.zeros((2, 1, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="a region without rows"):
        broken.violation(np.zeros((1, 1)))
