"""Draws docs/tracking.png, two ways to hold the four tanks under a leak nobody measures: python docs/tracking.py."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mpc import (
    ControlHorizon,
    Disturbance,
    KalmanFilter,
    LinearModel,
    MPCController,
    MPCProblem,
    Setpoint,
    four_tank,
    solve_explicit,
    with_input_disturbance,
)
from studies.style import BLACK, BLUE, GREY, STYLE, VERMILLION, WIDTH

PICTURE = Path(__file__).with_suffix(".png")
STEPS, LEAK_AT, LEAK = 120, 50, np.array([-0.5, 0.0])
GOALS = np.array([[6.2, 6.35]] * 10 + [[6.8, 6.0]])


def controller(model: LinearModel) -> MPCController:
    """Return explicit MPC of the readings, with estimates of the model's disturbances, if it has any."""
    unknown = (Disturbance([-1, -1], [1, 1]),) if model.k else ()
    problem = MPCProblem(
        model,
        state_weight=model.C.T @ model.C,
        input_weight=0.01 * np.eye(2),
        horizon=10,
        input_bounds=([1, 1], [5, 5]),
        parameter_bounds=([6, 6, 0.1, 0.1], [19, 19, 6, 6]),
        parameters=(Setpoint([5, 5], [8, 8]), *unknown),
        plan=ControlHorizon(2),
    )
    noise = 1e-3 * np.eye(2) if model.k else None
    estimator = KalmanFilter(model, 1e-4 * np.eye(4), 1e-4 * np.eye(2), noise)
    return MPCController(solve_explicit(problem), problem, setpoint=GOALS, estimator=estimator)


def run(control: MPCController, truth: LinearModel) -> tuple[np.ndarray, np.ndarray]:
    """Return readings and inputs (steps, 2) of tanks whose first pump loses half a volt's worth from a moment on."""
    memory, x, readings, inputs = control.start(1), truth.state[None], [], []
    for k in range(STEPS):
        readings.append(truth.outputs(x)[0])
        u, memory = control.respond(readings[-1][None], memory)
        inputs.append(u[0])
        x = truth.step(x, u, LEAK if k >= LEAK_AT else 0 * LEAK)
    return np.array(readings), np.array(inputs)


def draw(path: Path = PICTURE) -> None:
    """Write readings and pump voltages of both controllers to `path`."""
    truth = with_input_disturbance(four_tank())
    runs = {"no disturbance in the model": (four_tank(), VERMILLION), "disturbance estimated": (truth, BLUE)}
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 6.0), layout="constrained")
        panels = figure.subplots(4, 1, sharex=True, height_ratios=[2, 2, 1, 1])
        for label, (model, colour) in runs.items():
            readings, inputs = run(controller(model), truth)
            for i, values in enumerate((*readings.T, *inputs.T)):
                shape = "default" if i < truth.p else "steps-post"
                panels[i].plot(truth.sample_time * np.arange(STEPS), values, drawstyle=shape, color=colour, label=label)
        _finish(panels, truth)
        figure.align_ylabels()
        figure.savefig(path, dpi=130)


def _finish(panels: list[Axes], truth: LinearModel) -> None:
    times = truth.sample_time * np.arange(STEPS)
    goals = GOALS[np.minimum(np.arange(STEPS), len(GOALS) - 1)]
    for panel, name in zip(panels, (*truth.output_names, *truth.input_names), strict=True):
        panel.axvline(times[LEAK_AT], color=GREY, linewidth=0.8, linestyle=":")
        panel.set_ylabel(f"{name} [V]")
    for panel, goal in zip(panels, goals.T, strict=False):
        panel.plot(times, goal, drawstyle="steps-post", color=BLACK, linewidth=0.9, linestyle="--", label="setpoint")
    panels[1].text(times[LEAK_AT] + 8, 6.3, "pump 1 loses 0.5 V", color=GREY, fontsize=9)
    panels[-1].set_xlabel("time [s]")
    panels[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)


if __name__ == "__main__":
    draw()
