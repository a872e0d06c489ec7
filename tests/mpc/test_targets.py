"""Targets: steady states of the model that hold the setpoint, and what cannot be held."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import Disturbance, LinearModel, MPCProblem, ProblemError, Setpoint
from mpc.targets import target_maps


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_targets_are_steady_states_that_hold_the_setpoint(seed, inputs, disturbances, direct):
    rng = np.random.default_rng(seed)
    shapes = {"A": (3, 3), "B": (3, inputs), "C": (3, 3), "E": (3, disturbances), "F": (3, disturbances)}
    matrices = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    points = {
        "state": rng.normal(size=3),
        "input": rng.normal(size=inputs),
        "disturbance": rng.normal(size=disturbances),
    }
    D = rng.normal(size=(3, inputs)) if direct else None
    model = LinearModel(sample_time=1.0, D=D, **matrices, **points)
    tracked = list(range(inputs))
    maps = target_maps(model, tracked, np.eye(3), np.eye(inputs))
    r, d = rng.normal(size=inputs), rng.normal(size=disturbances)
    both = maps.of_setpoint @ (r - model.output[tracked]) + maps.of_disturbance @ (d - model.disturbance)
    x, u = model.state + both[:3], model.input + both[3:]
    size = 1 + np.abs(both).max()
    np.testing.assert_allclose(model.step(x, u, d), x, atol=1e-8 * size)
    np.testing.assert_allclose(model.outputs(x, u, d)[tracked], r, atol=1e-8 * size)


def test_of_several_targets_it_is_the_one_of_least_weight():
    model = LinearModel([[0.5]], [[1.0, 1.0]], 1.0)
    maps = target_maps(model, [0], np.eye(1), np.diag([1.0, 3.0]))
    s, *v = maps.of_setpoint[:, 0]
    assert s == pytest.approx(1.0)
    assert v == pytest.approx([0.375, 0.125])


def test_predictions_are_measured_from_the_targets():
    model = LinearModel([[0.8]], [[0.5]], 1.0, E=[[1.0]])
    given = MPCProblem(model, 1.0, 0.1, 2, (-9, 9), (-9, 9), parameters=(Setpoint(-1, 1), Disturbance(-1, 1)))
    theta, prediction = given.theta([0.0], setpoint=[2.0], disturbance=[0.3]), given.prediction
    x, u = (q.offset + q.theta_map @ theta for q in (prediction.state_targets[1], prediction.input_targets[1]))
    assert x == pytest.approx([2.0])
    assert model.step(x, u, [0.3]) == pytest.approx(x)


@pytest.mark.parametrize("setpoint", [Setpoint([-1, -1], [1, 1]), Setpoint([0.1, 0.0])])
def test_setpoints_that_no_input_holds_are_named_at_birth(pendulum_problem, setpoint):
    words = (
        "not every setpoint of angle, rate can be held: the steady-state equations of 2 states and 2 outputs have "
        r"rank 3, but 4 is needed; track fewer outputs \(`Setpoint\(outputs=...\)`\) or add inputs \(there are 1\)"
    )
    with pytest.raises(ProblemError, match=words):
        pendulum_problem(parameters=(setpoint,))
    assert pendulum_problem(parameters=(Setpoint(-1, 1, outputs=("angle",)),)).layout.names[2] == "setpoint of angle"
