"""A linear model is whole at birth, steps and measures around its operating point, and knows its hidden modes."""

import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import LinearModel, ProblemError
from mpc.modes import unreached_mode


def test_a_model_steps_around_its_operating_point():
    model = LinearModel([[0.5, 0], [0, 1]], [1, 2], 0.1, state=[10, 20], input=[3])
    assert model.step([10, 20], [3]).tolist() == [10, 20]
    assert model.step([12, 20], [4]).tolist() == [12, 22]
    batch = model.step(np.ones((4, 7, 2)), np.ones((4, 7, 1)))
    assert batch.shape == (4, 7, 2)
    assert batch[2, 3] == pytest.approx(model.step([1, 1], [1]))
    assert model.B.shape == (2, 1)
    assert repr(model) == "LinearModel(2 states, 1 inputs, every 0.1 s, spectral radius 1)"


def test_names_are_plain_unless_given():
    model = LinearModel(np.eye(2), np.eye(2), 1)
    assert (model.state_names, model.state_units) == (("state0", "state1"), ("", ""))
    assert LinearModel([[1]], [[1]], 1, input_names="torque").input_names == ("torque",)


def test_arguments_are_copied_and_read_only():
    A = np.eye(2)
    model = LinearModel(A, [0, 1], 0.1)
    A[0, 0] = 7
    assert model.A[0, 0] == 1
    for array in (model.A, model.B, model.state, model.input):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"A": [[1, 0], [np.nan, 1]]}, r"`A` is NaN at \[1, 0\]"),
        ({"A": [[1, 0], [np.inf, 1]]}, r"`A` is infinite at \[1, 0\]"),
        ({"A": np.ones((2, 3))}, r"`A` has shape \(2, 3\), but it must be square"),
        ({"A": [1, 2]}, r"`A` has shape \(2,\)"),
        ({"A": [["a", "b"], ["c", "d"]]}, "`A` has dtype"),
        ({"A": np.eye(2, dtype=object)}, "`A` has dtype object"),
        ({"A": np.eye(2, dtype=bool)}, "`A` has dtype bool"),
        ({"A": np.eye(2) * 1j}, "`A` has dtype complex"),
        ({"A": [[1, 0], [1]]}, "`A` is ragged"),
        ({"B": [[1, 2]]}, r"`B` has shape \(1, 2\), but `A` has 2 states: pass \(2, inputs\)"),
        ({"B": np.zeros((2, 0))}, r"`B` has shape \(2, 0\)"),
        ({"B": 1.0}, r"`B` has shape \(\)"),
        ({"B": [0, np.nan]}, "`B` is NaN"),
        ({"sample_time": 0}, "`sample_time` is 0, but it must be positive"),
        ({"sample_time": -0.05}, "`sample_time` is -0.05, but it must be positive"),
        ({"sample_time": np.nan}, "`sample_time` is NaN"),
        ({"sample_time": None}, r"continuous model was passed where a discrete one.*mpc\.discretise"),
        ({"sample_time": "fast"}, "`sample_time` has dtype"),
        ({"state": [1]}, r"`state` has shape \(1,\), but \(2,\) is needed"),
        ({"input": [np.inf]}, "`input` is infinite"),
        ({"state_names": ("one",)}, "`state_names` has 1 entries, but the model has 2"),
        ({"input_units": ("V", "A")}, "`input_units` has 2 entries, but the model has 1"),
        ({"state_names": 5}, "`state_names` is 5, but it must be a sequence of texts"),
        ({"A": np.zeros((0, 0)), "B": np.zeros((0, 1))}, r"`A` has shape \(0, 0\), but a model needs at least 1 state"),
        ({"time_unit": 1}, "`time_unit` is 1, but it must be a text"),
        ({"C": [1, 2, 3]}, r"`C` has shape \(1, 3\), but `A` has 2 states: pass \(outputs, 2\)"),
        ({"C": np.zeros((0, 2))}, r"`C` has shape \(0, 2\)"),
        ({"C": [[np.nan, 0]]}, r"`C` is NaN at \[0, 0\]"),
        ({"C": "position"}, "`C` has dtype"),
        ({"D": [[1, 2], [3, 4]]}, r"`D` has shape \(2, 2\), but \(2, 1\) is needed: one row per output"),
        ({"D": [1j, 0]}, "`D` has dtype complex"),
        ({"E": np.zeros((3, 1))}, r"`E` has shape \(3, 1\), but there are 2 states \(rows of `A`\): pass \(2, any\)"),
        ({"C": [1, 0], "F": [1, 2]}, r"`F` has shape \(2, 1\), but there are 1 outputs \(rows of `C`\)"),
        ({"E": np.zeros((2, 1)), "F": np.zeros((2, 3))}, "`F` has 3 columns but `E` 1: one column per disturbance"),
        ({"E": [[np.inf], [0]]}, r"`E` is infinite at \[0, 0\]"),
        ({"output": [1]}, r"`output` has shape \(1,\), but \(2,\) is needed"),
        ({"disturbance": [1]}, r"`disturbance` has shape \(1,\), but \(0,\) is needed"),
        ({"disturbance_names": ("wind",)}, "`disturbance_names` has 1 entries, but the model has 0"),
        ({"state_names": ("x", "x")}, "`state_names` has 'x' at index 0 and at 1; make them differ"),
        ({"C": np.eye(2), "output_names": ("y", "y")}, "`output_names` has 'y' at index 0 and at 1"),
        ({"E": np.eye(2), "disturbance_names": ("d", "d")}, "`disturbance_names` has 'd' at index 0 and at 1"),
        ({"state_names": ("x", None)}, "`state_names` has None at index 1, but every entry must be a text"),
        ({"state_names": b"ab"}, "`state_names` has 97 at index 0, but every entry must be a text"),
        ({"state_units": ("m", 1)}, "`state_units` has 1 at index 1, but every entry must be a text"),
        ({"output_names": np.array(["a", "b"])}, "`output_names` is array.*must be a sequence of texts"),
        ({"output_names": ("a", "b", "c")}, "`output_names` has 3 entries, but the model has 2"),
    ],
)
def test_what_is_no_model_is_named(changes, words):
    with pytest.raises(ProblemError, match=words):
        LinearModel(**{"A": np.eye(2), "B": [0, 1], "sample_time": 0.1} | changes)


@pytest.mark.parametrize("decades", [0, 3, 6])
def test_stabilisability_does_not_depend_on_units(decades):
    unit = np.diag([10.0**decades, 10.0**-decades])
    A, B = np.array([[1.0188, 0.0503], [0.7547, 1.0188]]), np.array([[0.0038], [0.1509]])
    back = np.linalg.inv(unit)
    assert LinearModel(unit @ A @ back, unit @ B, 0.05).unstabilisable_mode() is None
    # along the growing mode (left eigenvector) this input does nothing
    values, vectors = np.linalg.eig(A.T)
    left = vectors[:, values.argmax()]
    B = np.array([[-left[1]], [left[0]]])
    assert LinearModel(unit @ A @ back, unit @ B, 0.05).unstabilisable_mode() == pytest.approx(values.max())


@pytest.mark.parametrize("unit", [1e-9, 1e-8, 1e-7, 1e7, 1e8, 1e9])
def test_a_chain_of_integrators_is_reached_and_shown_in_any_unit_of_its_place(unit):
    A, B = np.array([[1, 0.1 * unit], [0, 0.97]]), np.array([[0.005 * unit], [0.1]])
    model = LinearModel(A, B, 0.1, C=[[1, 0]])
    assert model.is_stabilisable
    assert model.is_detectable
    assert not replace(model, A=np.diag([1, 0.97]), B=[[1e-17 * unit], [0.1 * unit]]).is_stabilisable


def test_a_discount_changes_what_must_be_stabilised():
    model = LinearModel(np.diag([1.02, 0.5]), [0, 1], 1)
    assert model.unstabilisable_mode() == pytest.approx(1.02)
    assert model.unstabilisable_mode(0.9) is None


def full(**changes) -> LinearModel:
    """A model with every matrix, and an operating point far from 0."""
    arguments = {
        "A": [[0.5, 0.1], [0, 0.9]],
        "B": [[0], [1]],
        "sample_time": 1,
        "state": [10, 20],
        "input": [3],
        "C": [1, 2],
        "D": 0.5 * np.ones(1),
        "E": [1, -1],
        "F": [[0.25]],
        "disturbance": [7],
    }
    return LinearModel(**arguments | changes)


def test_outputs_and_disturbances_by_hand():
    model = full(output=[100])
    assert (model.n, model.m, model.p, model.k) == (2, 1, 1, 1)
    assert (model.C.shape, model.D.shape, model.E.shape, model.F.shape) == ((1, 2), (1, 1), (2, 1), (1, 1))
    assert model.step([10, 20], [3], [7]).tolist() == [10, 20]
    assert model.step([10, 20], [3], [9]).tolist() == [12, 18]
    assert model.outputs([10, 20], [3], [7]).tolist() == [100]
    assert model.outputs([11, 21], [5], [11]).tolist() == [100 + 1 + 2 + 0.5 * 2 + 0.25 * 4]
    assert model.outputs([11, 21], [5]).tolist() == [100 + 1 + 2 + 0.5 * 2]
    assert repr(model) == "LinearModel(2 states, 1 inputs, 1 outputs, 1 disturbances, every 1 s, spectral radius 0.9)"


@given(st.integers(0, 2**32 - 1))
def test_outputs_are_plain_products_unless_an_output_point_is_given(seed):
    generator = np.random.default_rng(seed)
    n, m, p, k = generator.integers(1, 4, size=4)
    A, B, C, D, E, F = (generator.normal(size=s) for s in ((n, n), (n, m), (p, n), (p, m), (n, k), (p, k)))
    state, control, wind = generator.normal(size=n), generator.normal(size=m), generator.normal(size=k)
    model = LinearModel(A, B, 1, state, control, C=C, D=D, E=E, F=F, disturbance=wind)
    x, u, d = generator.normal(size=(5, n)), generator.normal(size=(5, m)), generator.normal(size=(5, k))
    assert np.allclose(model.outputs(x, u, d), x @ C.T + u @ D.T + d @ F.T)
    moved = state + (x - state) @ A.T + (u - control) @ B.T + (d - wind) @ E.T
    assert np.allclose(model.step(x, u, d), moved)
    assert np.allclose(model.step(x, u), model.step(x, u, wind))
    assert np.allclose(model.step(x[0], u[0], d[0]), moved[0])


def test_without_c_the_outputs_are_the_states():
    model = LinearModel(np.eye(2), [0, 1], 1, state=[5, 6], state_names=("level", "taste"), state_units=("m", ""))
    assert (model.p, model.k, model.output.tolist()) == (2, 0, [5, 6])
    assert (model.output_names, model.output_units) == (("level", "taste"), ("m", ""))
    assert model.outputs([7, 8]).tolist() == [7, 8]
    assert model.disturbance_names == ()


def test_names_of_outputs_and_disturbances():
    model = full(output_names="weight", output_units="kg", disturbance_names="wind", disturbance_units="m/s")
    assert (model.output_names, model.output_units) == (("weight",), ("kg",))
    assert (model.disturbance_names, model.disturbance_units) == (("wind",), ("m/s",))
    assert (full().output_names, full().disturbance_names, full().output_units) == (
        ("output0",),
        ("disturbance0",),
        ("",),
    )


def test_only_f_makes_disturbances_of_the_outputs():
    model = LinearModel([[0.5]], [[1]], 1, F=[[2, 3]])
    assert (model.k, model.E.tolist()) == (2, [[0, 0]])


def test_a_changed_copy_derives_the_output_point_when_asked():
    moved = replace(full(), state=[0, 0], output=None)
    assert moved.output.tolist() == [0.5 * 3 + 0.25 * 7]


def test_a_changed_copy_derives_an_output_point_that_was_never_given():
    plain = LinearModel(np.eye(2), [0, 1], 1, C=[[1, 0]], state=[3, 5])
    for model in (plain, replace(plain, A=2 * np.eye(2)), pickle.loads(pickle.dumps(plain)), deepcopy(plain)):
        assert replace(model, C=[[0, 1]]).output.tolist() == [5]
        assert replace(model, state=[7, 8]).output.tolist() == [7]


def test_a_changed_copy_keeps_an_output_point_that_was_given():
    plain = LinearModel(np.eye(2), [0, 1], 1, C=[[1, 0]], state=[3, 5])
    for model in (replace(plain, output=[4]), replace(plain, output=plain.output.copy())):
        assert replace(replace(model, state=[7, 8]), C=[[0, 1]]).output.tolist() == model.output.tolist()


def test_a_new_c_drops_the_names_of_states_unless_they_were_given():
    words = {"state_names": ("place", "speed"), "state_units": ("m", "m/s")}
    model = LinearModel(np.eye(2), [0, 1], 1, **words)
    swapped = replace(model, C=[[0, 1], [1, 0]])
    assert (swapped.output_names, swapped.output_units) == (("output0", "output1"), ("", ""))
    assert replace(model, C=[[0, 1]], D=None, F=None, output=None).output_names == ("output0",)
    assert replace(model, input=[2]).output_names == ("place", "speed")
    assert replace(pickle.loads(pickle.dumps(model)), state_names=("a", "b")).output_names == ("a", "b")
    given = LinearModel(np.eye(2), [0, 1], 1, output_names=("place", "speed"), **words)
    assert replace(given, C=[[0, 1], [1, 0]]).output_names == ("place", "speed")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.step([1], [0]), r"`x` has shape \(1,\), but its last axis must be 2 long"),
        (lambda m: m.step([1, np.nan], [0]), "`x` is NaN"),
        (lambda m: m.step([1, 2], [0, 0]), r"`u` has shape \(2,\)"),
        (lambda m: m.step([1, 2], [0], [0, 0]), r"`d` has shape \(2,\), but its last axis must be 1 long"),
        (lambda m: m.outputs([1, 2]), "`u` is missing, but `D` is not 0"),
        (lambda m: m.outputs([1, 2], [0], [np.inf]), "`d` is infinite"),
    ],
)
def test_points_that_do_not_fit_are_named(call, words):
    with pytest.raises(ProblemError, match=words):
        call(full())


@pytest.mark.parametrize("decades", [0, 3, 6])
def test_detectability_is_the_dual_and_does_not_depend_on_units(decades):
    unit = np.diag([10.0**decades, 10.0**-decades])
    A, back = np.array([[1.0188, 0.0503], [0.7547, 1.0188]]), np.linalg.inv(unit)
    values, vectors = np.linalg.eig(A)
    right = vectors[:, values.argmax()]
    shown = LinearModel(unit @ A @ back, [0, 1], 0.05, C=np.array([[1.0, 0]]) @ back)
    hidden = LinearModel(unit @ A @ back, [0, 1], 0.05, C=np.array([[-right[1], right[0]]]) @ back)
    assert shown.undetectable_mode() is None
    assert shown.is_detectable
    assert hidden.undetectable_mode() == pytest.approx(values.max())
    assert not hidden.is_detectable


def test_a_mode_that_decays_needs_neither_inputs_nor_outputs():
    model = LinearModel(np.diag([0.5, 1.2]), [0, 1], 1, C=[0, 1])
    assert model.is_stabilisable
    assert model.is_detectable
    assert not replace(model, B=[1, 0]).is_stabilisable


@pytest.mark.parametrize("scale", [1, 1e6])
def test_the_states_that_carry_an_unreached_mode_are_named(scale):
    # 1.2 drives the other two; the input reaches only those, so that only the first is out of reach
    A = np.array([[1.2, 0, 0], [1, 0.5, 0], [1, 0.2, 0.3]])
    unit = np.diag([scale, 1, 1])
    mode = unreached_mode(unit @ A @ np.linalg.inv(unit), np.array([[0.0], [1], [1]]))
    assert mode is not None
    assert str(mode) == "1.2"
    assert mode.carriers(("level", "taste", "heat")) == "level"


def test_carriers_of_an_oscillation_and_of_many():
    turn = 1.1 * np.array([[0.8, -0.6], [0.6, 0.8]])
    mode = unreached_mode(turn, np.zeros((2, 1)))
    assert mode is not None
    assert mode.carriers(("a", "b")) in ("a, b", "b, a")
    assert str(mode) in ("0.88+0.66j", "0.88-0.66j")
    hidden = unreached_mode(np.ones((6, 6)) / 6 + 0.5 * np.eye(6), np.zeros((6, 1)))
    assert hidden is not None
    assert hidden.carriers("abcdef").endswith("and others")
