"""What is no record, what records do not excite, and what else cannot be identified is named before any fitting."""

import numpy as np
import pytest

from mpc import InstrumentalVariables, LinearModel, ProblemError, Record, identify, records_of
from plants import clipped_pendulum, simulate

GENERATOR = np.random.default_rng(0)
Y, U = GENERATOR.normal(size=(51, 2)), GENERATOR.normal(size=(50, 1))


def named(outputs=Y, inputs=U, **changes) -> Record:
    return Record(outputs, inputs, **{"output_names": ("angle", "rate"), "input_names": "torque"} | changes)


def moving(inputs, A=((0.9, 0.1), (0.0, 0.8)), B=((0.0,), (1.0,)), start=(1.0, 1.0)) -> np.ndarray:
    x = [np.array(start)]
    for u in inputs:
        x.append(np.array(A) @ x[-1] + np.array(B) @ u)
    return np.array(x)


def test_one_signal_may_be_a_plain_list():
    record = Record([1, 2, 3], [4, 5])
    assert (record.outputs.shape, record.inputs.shape, record.excitation.shape) == ((3, 1), (2, 1), (2, 0))
    assert (record.output_names, record.input_names) == (("output0",), ("input0",))
    assert not record.outputs.flags.writeable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outputs": Y[:50]}, "`outputs` has 50 rows and `inputs` 50, .*pass 51 outputs, or 49 inputs"),
        ({"outputs": np.where(np.arange(51)[:, None] == 3, np.nan, Y)}, r"`outputs` is NaN at \[3, 0\]"),
        ({"inputs": np.full((50, 1), np.inf)}, r"`inputs` is infinite at \[0, 0\]"),
        ({"inputs": np.zeros((50, 0))}, "`outputs` has 2 columns and `inputs` 0, but at least 1 of each"),
        ({"outputs": np.zeros((51, 2, 2))}, r"`outputs` has shape \(51, 2, 2\)"),
        ({"outputs": None}, "`outputs` has dtype object"),
        ({"excitation": np.zeros((49, 1))}, "`excitation` has 49 rows, but `inputs` has 50"),
        ({"output_names": ("angle",)}, "`output_names` has 1 entries, but the model has 2"),
        ({"input_units": 3}, "`input_units` is 3"),
    ],
)
def test_what_is_no_record(changes, words):
    with pytest.raises(ProblemError, match=words):
        named(**changes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"records": Y}, "`records` is a ndarray; pass a Record"),
        ({"records": ()}, "`records` is empty; pass a Record"),
        ({"records": [named(), Y]}, r"`records\[1\]` is a ndarray, but a Record is needed"),
        (
            {"records": [named(), named(output_names=("angle", "speed"))]},
            r"`records` disagree: output_names is \('angle', 'rate'\) in the first, but \('angle', 'speed'\) at",
        ),
        ({"sample_time": 0}, "`sample_time` is 0, but it must be positive"),
        ({"sample_time": np.nan}, "`sample_time` is NaN"),
        ({"order": 0}, "`order` is 0, but it must be at least 1"),
        ({"order": 1.5}, "`order` is 1.5, but it must be a whole number"),
        ({"order": 60}, "a record has 50 inputs, but `order` 60 uses 59 steps of history: pass at least 60"),
        ({"free_run_steps": 0}, "`free_run_steps` is 0"),
        ({"method": "arx"}, r"`method` is 'arx'; pass LeastSquares\(\) or InstrumentalVariables\(\)"),
        ({"method": InstrumentalVariables}, "`method` is <class"),
        ({"at": 3}, r"`at` is 3, but it must be a pair \(output, input\)"),
        ({"at": ([0], [0])}, r"`at output` has shape \(1,\), but \(2,\) is needed"),
        ({"records": named(Y[:4], U[:3])}, "give 3 rows for 4 coefficients per signal .*at least 6 are needed"),
    ],
)
def test_what_cannot_be_identified(arguments, words):
    with pytest.raises(ProblemError, match=words):
        identify(**{"records": named(), "sample_time": 0.1} | arguments)


def test_an_input_that_never_moves_is_named():
    still = np.full((50, 1), 2.0)
    with pytest.raises(ProblemError, match="not persistently exciting: torque never moves in the records"):
        identify(named(moving(still), still), 0.1)


def test_pure_feedback_is_named_with_its_law():
    A, B, K = np.array([[0.9, 0.1], [0.0, 0.8]]), np.array([[0.0], [1.0]]), np.array([[0.2, 0.4]])
    x = [np.array([1.0, 1.0])]
    for _ in range(30):
        x.append((A - B @ K) @ x[-1])
    record = named(x, -np.array(x[:-1]) @ K.T)
    with pytest.raises(
        ProblemError, match=r"not persistently exciting: \+0.2 angle \+0.4 rate \+1 torque stays constant"
    ):
        identify(record, 0.1)


def test_a_signal_given_twice_is_named():
    y = moving(U)[:, 1]
    with pytest.raises(ProblemError, match=r"not persistently exciting: -100 angle \+1 rate stays constant"):
        identify(named(np.c_[y, 100 * y], U), 0.1)


def test_a_drift_that_no_input_holds_has_no_steady_point():
    clock = np.arange(51.0)
    wandering = np.c_[clock + 0 * Y[:, 0], moving(U)[:, 1]]
    with pytest.raises(ProblemError, match=r"the model found has no steady point: angle drifts by .* or give `at`"):
        identify(named(wandering, U), 0.1)


def test_lags_and_trajectories():
    with pytest.raises(ProblemError, match="`lags` is 0, but it must be at least 1"):
        InstrumentalVariables(0)
    plant = clipped_pendulum()
    trajectory = simulate(plant, lambda x: 0 * x[..., :1], [[0.1, 0]], 5)
    with pytest.raises(ProblemError, match="`plant` is a str, but a Plant is needed"):
        records_of("pendulum", trajectory)
    with pytest.raises(ProblemError, match="`trajectory` is a Record, but a Trajectory is needed"):
        records_of(plant, named())


def test_units_do_not_change_what_is_found():
    generator = np.random.default_rng(8)
    u = generator.normal(size=(300, 1))
    y = moving(u) + 0.01 * generator.normal(size=(301, 2))
    scale = np.array([1e6, 1e-6])
    plain, scaled = identify(Record(y, u), 1), identify(Record(y * scale, u * 1e5), 1)
    assert isinstance(scaled.model, LinearModel)
    assert np.allclose(scaled.model.A, plain.model.A * scale[:, None] / scale, rtol=1e-6)
    assert np.allclose(scaled.one_step_fit, plain.one_step_fit)
    assert scaled.excitation == pytest.approx(plain.excitation)
