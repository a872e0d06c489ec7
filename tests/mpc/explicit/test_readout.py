"""Readouts are checked at birth, travel with problem, law and file, and change no law."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from mpc import MultiparametricQP, PiecewiseAffineLaw, ProblemError, solve_explicit
from mpc.explicit.readout import Readout, checked_readouts

LEVEL = Readout("level at step 1", "m", 0.5, [2], [-1])


def test_a_readout_is_affine_in_both():
    assert LEVEL(np.array([3.0]), np.array([4.0])) == 0.5 + 6 - 4
    points = LEVEL(np.array([[3.0], [0.0]]), np.array([[4.0], [1.0]]))
    assert points.tolist() == [2.5, -0.5]
    assert not LEVEL.z_map.flags.writeable


@pytest.mark.parametrize("again", [copy.deepcopy(LEVEL), pickle.loads(pickle.dumps(LEVEL))])
def test_copies_are_checked_and_read_only(again):
    assert (again.name, again.unit, again.offset) == (LEVEL.name, LEVEL.unit, LEVEL.offset)
    assert not again.theta_map.flags.writeable


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", "m", 0, [1], [1]), "`name` of a readout is ''; pass a text, such as 'angle at step 1'"),
        (("level", None, 0, [1], [1]), "`unit` of the readout level is None; pass a text, empty for none"),
        (("level", "m", np.nan, [1], [1]), "`offset of level` is NaN"),
        (("level", "m", 1e200, [1], [1]), "`offset of level` holds 1e.200"),
        (("level", "m", 0, [[1]], [1]), "`theta_map of level` has shape"),
        (("level", "m", 0, [1], [np.inf]), "`z_map of level` is infinite"),
        (("level", "m", 0, [1], [1e101]), "`z_map of level` holds 1e.101"),
    ],
)
def test_what_is_no_readout_is_refused(arguments, words):
    with pytest.raises(ProblemError, match=words):
        Readout(*arguments)


@pytest.mark.parametrize(
    ("readouts", "words"),
    [
        (LEVEL, "pass a sequence of Readout"),
        (["level"], "pass a sequence of Readout"),
        ([replace(LEVEL, theta_map=[1, 2])], "maps 2 parameters and 1 variables, but the problem has 1 and 1"),
        ([LEVEL, LEVEL], "`readouts` names level at step 1 2 times; name each of them once"),
    ],
)
def test_readouts_fit_their_problem(readouts, words, line):
    with pytest.raises(ProblemError, match=words):
        line(readouts=readouts)
    assert checked_readouts([LEVEL], 1, 1) == (LEVEL,)


def test_readouts_change_neither_law_nor_certificate_and_come_back_from_a_file(line, tmp_path):
    limits = {"G": [[1], [-1]], "w": [1, 1], "S": [[0], [0]]}
    plain, told = solve_explicit(line(**limits)), solve_explicit(line(readouts=[LEVEL], **limits))
    assert np.array_equal(told.offsets, plain.offsets)
    assert np.array_equal(told.gains, plain.gains)
    assert told.digest != plain.digest
    assert told.certify().problem_digest == plain.certify().problem_digest
    told.save(tmp_path / "law.npz")
    again = PiecewiseAffineLaw.load(tmp_path / "law.npz")
    assert again.digest == told.digest
    assert again.certificate.ok
    (one,) = again.problem.readouts
    assert (one.name, one.unit, one.offset, one.theta_map.tolist(), one.z_map.tolist()) == (
        "level at step 1", "m", 0.5, [2], [-1],
    )  # fmt: skip
    assert isinstance(copy.deepcopy(again).problem, MultiparametricQP)
    assert str(copy.deepcopy(again).explain([1.5])) == str(told.explain([1.5]))
