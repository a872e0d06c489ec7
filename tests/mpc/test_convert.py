"""Models of other libraries come over with their numbers, sample time and labels; what is ambiguous is refused."""

import control
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal
from scipy.io import savemat
from scipy.sparse import csc_matrix

from mpc import (
    FileFormatError,
    LinearModel,
    ProblemError,
    discretise,
    forward_euler,
    from_mat,
    from_state_space,
    zero_order_hold,
)

DRIFT, PUSH, SEEN, DIRECT = [[0, 1], [-2, -3]], [[0], [1]], [[1, 0]], [[0.5]]


@given(st.integers(0, 2**32 - 1))
def test_a_continuous_system_steps_like_the_other_library_samples_it(seed):
    generator = np.random.default_rng(seed)
    n, m, p = generator.integers(1, 4, size=3)
    sizes = ((n, n), (n, m), (p, n), (p, m))
    matrices = [generator.normal(size=size) for size in sizes]
    sampled = control.c2d(control.ss(*matrices), 0.1)
    for system in (control.ss(*matrices), signal.StateSpace(*matrices), signal.lti(*matrices)):
        model = from_state_space(system, 0.1)
        for name in "ABCD":
            assert np.allclose(getattr(model, name), getattr(sampled, name), atol=1e-12), name
    discrete = from_state_space(sampled)
    assert discrete.sample_time == 0.1
    assert np.array_equal(discrete.A, sampled.A)


def test_labels_of_python_control_travel():
    system = control.ss(DRIFT, PUSH, SEEN, DIRECT, states=["place", "speed"], inputs=["force"], outputs=["seen"])
    model = from_state_space(system, 0.1, time_unit="h")
    assert (model.state_names, model.input_names, model.output_names) == (("place", "speed"), ("force",), ("seen",))
    assert (model.sample_time, model.time_unit) == (0.1, "h")


def test_rules_and_sample_times():
    euler = from_state_space(control.ss(DRIFT, PUSH, SEEN, DIRECT), 0.1, forward_euler)
    assert np.allclose(euler.A, [[1, 0.1], [-0.2, 0.7]])
    unsaid = control.ss(DRIFT, PUSH, SEEN, DIRECT, True)
    assert from_state_space(unsaid, 0.3).sample_time == 0.3
    assert from_state_space(unsaid, 0.3).A.tolist() == DRIFT
    assert from_state_space(signal.dlti(DRIFT, PUSH, SEEN, DIRECT, dt=0.2), 0.2).sample_time == 0.2
    transfer = from_state_space(signal.lti([1], [1, 2]), 0.1)
    assert transfer.A[0, 0] == pytest.approx(np.exp(-0.2))


@pytest.mark.parametrize(
    ("system", "sample_time", "words"),
    [
        (control.ss(DRIFT, PUSH, SEEN, DIRECT), None, "`system` is continuous, and `sample_time` is None"),
        (signal.StateSpace(DRIFT, PUSH, SEEN, DIRECT), None, "`system` is continuous, and `sample_time` is None"),
        (control.ss(DRIFT, PUSH, SEEN, DIRECT), -1, "`sample_time` is -1, but it must be positive"),
        (
            control.ss(DRIFT, PUSH, SEEN, DIRECT, 0.1),
            0.2,
            "`sample_time` is 0.2, but `system` is discrete with dt = 0.1",
        ),
        (control.ss(DRIFT, PUSH, SEEN, DIRECT, True), None, "dt True, which names no sample time"),
        (control.ss(DRIFT, PUSH, SEEN, DIRECT, None), 0.1, "`system` has dt None: it does not say"),
        (signal.lti([1, 0, 0], [1, 2]), 0.1, "`system` has no state-space form .* it must be proper"),
        (signal.ZerosPolesGain([], [1 + 1j], 1), 0.1, "`system.A` has dtype complex"),
        ("a string", 0.1, "`system` is a str without A, B, C, D, dt; pass a StateSpace"),
        (signal.StateSpace, 0.1, "`system` is a type without"),
        (None, 0.1, "`system` is a NoneType without"),
        (control.ss([], [], [], [[1]], 0), 0.1, r"`A` has shape \(0, 0\), but a model needs at least 1 state"),
    ],
)
def test_what_is_no_system_or_does_not_say_its_time(system, sample_time, words):
    with pytest.raises(ProblemError, match=words):
        from_state_space(system, sample_time)


class Mat:
    """Writes matrices by scipy, reads them by from_mat."""

    def __init__(self, folder):
        self.path = folder / "model.mat"

    def __call__(self, *arguments, compressed=True, variables=None, **keywords):
        plain = {"A": DRIFT, "B": PUSH, "C": SEEN, "D": DIRECT, "h": 0.1}
        savemat(self.path, plain | (variables or {}), do_compression=compressed)
        return from_mat(self.path, *arguments, **{"sample_time": 0.1} | keywords)


@pytest.fixture
def mat(tmp_path):
    return Mat(tmp_path)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_what_scipy_writes_is_read(tmp_path_factory, seed, compressed):
    generator = np.random.default_rng(seed)
    n, m, p, k = generator.integers(1, 6, size=4)
    sizes = {"A": (n, n), "B": (n, m), "C": (p, n), "D": (p, m), "E": (n, k), "F": (p, k)}
    kinds = [float, np.float32, np.int8, np.uint16, np.int64]
    given_matrices = {
        name: (5 * generator.normal(size=size)).round(2).astype(kinds[generator.integers(5)])
        for name, size in sizes.items()
    }
    mat = Mat(tmp_path_factory.mktemp("mat"))
    other = {"notes": "text", "cells": np.array([1, "a"], dtype=object), "tree": {"leaf": [1.0]}}
    model = mat(*"ABCDEF", compressed=compressed, variables=given_matrices | other)
    for name, matrix in given_matrices.items():
        assert np.array_equal(getattr(model, name), matrix), name


def test_names_sample_time_and_rules_of_a_file(mat):
    model = mat("drift", "B", sample_time="h", variables={"drift": DRIFT, "h": 0.2}, rule=zero_order_hold)
    expected = from_state_space(control.ss(DRIFT, PUSH, SEEN, DIRECT), 0.2)
    assert model.sample_time == 0.2
    assert np.allclose(model.A, expected.A)
    assert np.allclose(model.B, expected.B)
    assert model.C.tolist() == [[1, 0], [0, 1]]
    both = mat(E="E", variables={"E": [[1], [0]]}, rule=zero_order_hold, sample_time=0.2)
    assert np.allclose(both.B, expected.B)
    assert np.allclose(both.E, discretise(DRIFT, [1, 0], 0.2)[1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"A": "a"}, "model.mat: there is no variable 'a'; did you mean"),
        ({"variables": {"A": np.ones((2, 3))}}, r"model.mat: `A` has shape \(2, 3\), but it must be square"),
        ({"variables": {"B": np.ones((3, 1))}}, r"model.mat: `B` has shape \(3, 1\), but `A` has 2 states"),
        ({"C": "B"}, r"`C` has shape \(2, 1\), but `A` has 2 states: pass \(outputs, 2\) \(`C` is its 'B'\)"),
        ({"variables": {"A": [[np.nan, 1], [0, 1]]}}, r"model.mat: `?A`? is NaN at \[0, 0\]"),
        ({"variables": {"A": np.eye(2) * 1j}}, "A is of class complex, but a full real matrix is needed"),
        ({"variables": {"A": np.array([[1, "x"]], dtype=object)}}, "A is of class cell, but a full real matrix"),
        ({"variables": {"A": {"B": 1}}}, "A is of class struct"),
        ({"variables": {"A": "text"}}, "A is of class char"),
        ({"variables": {"A": np.eye(2, dtype=bool)}}, r"A is of class logical, .* save double\(...\) of it"),
        ({"variables": {"A": np.zeros((2, 2, 2))}}, r"A has shape \(2, 2, 2\), but a matrix is needed"),
        ({"sample_time": "C"}, r"`sample_time` has shape \(1, 2\), but one number is needed"),
        ({"sample_time": "h", "variables": {"h": 0.0}}, "`sample_time` is 0, but it must be positive"),
        ({"E": "h", "rule": zero_order_hold}, "`E` has 1 rows, but `B` has 2"),
    ],
)
def test_what_a_file_lacks_is_named_with_its_path(mat, changes, words):
    with pytest.raises(FileFormatError, match=words):
        mat(**changes)


def test_sparse_matrices_are_to_be_made_full(mat):
    with pytest.raises(FileFormatError, match=r"A is of class sparse, .* save full\(...\) of it"):
        mat(variables={"A": csc_matrix(np.eye(2))})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample_time": 0}, "`sample_time` is 0, but it must be positive"),
        ({"sample_time": None}, "`sample_time` has dtype object"),
        ({"A": None}, "`A` is None, but it must name a variable"),
        ({"C": 3}, "`C` is 3, but it must name a variable"),
    ],
)
def test_wrong_arguments_are_not_blamed_on_the_file(mat, changes, words):
    with pytest.raises(ProblemError, match=words):
        mat(**changes)


@pytest.mark.parametrize("path", [None, 3])
def test_a_path_that_is_none_is_named(path):
    with pytest.raises(ProblemError, match=r"`path` is a \w+, but a str or a PathLike is needed"):
        from_mat(path, sample_time=1)


def test_no_file_and_a_folder_keep_pythons_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        from_mat(tmp_path / "none.mat", sample_time=1)
    with pytest.raises(IsADirectoryError):
        from_mat(tmp_path, sample_time=1)


def test_a_model_survives_a_file(mat):
    model = from_state_space(control.ss(DRIFT, PUSH, SEEN, DIRECT), 0.1)
    back = mat(*"ABCD", variables={name: getattr(model, name) for name in "ABCD"})
    assert isinstance(back, LinearModel)
    assert np.array_equal(back.A, model.A)
