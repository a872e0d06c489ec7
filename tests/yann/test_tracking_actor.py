"""A compiled network tracks setpoints without offset, as the law does that it was born of."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import (
    ControlHorizon,
    Disturbance,
    KalmanFilter,
    MPCController,
    MPCProblem,
    Setpoint,
    four_tank,
    solve_explicit,
    with_input_disturbance,
)
from yann import YannActor


def test_a_network_tracks_as_its_law_does():
    model = with_input_disturbance(four_tank())
    problem = MPCProblem(
        model,
        state_weight=model.C.T @ model.C,
        input_weight=0.01 * np.eye(2),
        horizon=10,
        input_bounds=([1, 1], [5, 5]),
        parameter_bounds=([6, 6, 0.1, 0.1], [19, 19, 6, 6]),
        parameters=(Setpoint([5, 5], [8, 8]), Disturbance([-1, -1], [1, 1])),
        plan=ControlHorizon(1),
    )
    law = solve_explicit(problem)
    estimator = KalmanFilter(model, 1e-4 * np.eye(4), 1e-6 * np.eye(2), 1e-3 * np.eye(2))
    paths = []
    for answer in (law, YannActor.from_law(law)):
        controller = MPCController(answer, problem, setpoint=[6.8, 6.0], estimator=estimator)
        memory, x, outputs = controller.start(1), model.state[None], []
        for _ in range(220):
            outputs.append(model.outputs(x)[0])
            u, memory = controller.respond(outputs[-1:], memory)
            x = replace(model, B=model.B * [0.85, 1.1]).step(x, u, [0.3, -0.2])
        paths.append(np.array(outputs))
    assert paths[1] == pytest.approx(paths[0], abs=1e-9)
    assert np.abs(paths[1][-1] - [6.8, 6.0]).max() < 1e-6
