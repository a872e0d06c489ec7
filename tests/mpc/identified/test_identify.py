"""Identification finds the system that made the data, says how sure it is, and what the data cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import (
    Identification,
    ImplicitMPC,
    InstrumentalVariables,
    LeastSquares,
    MPCProblem,
    ProblemError,
    Record,
    identify,
    linearise,
    records_of,
    sampled_map,
)
from plants import clipped_pendulum, simulate

SEEDS = st.integers(0, 2**32 - 1)


def stable(generator, n, m):
    A = generator.normal(size=(n, n))
    return A * 0.8 / np.abs(np.linalg.eigvals(A)).max(), generator.normal(size=(n, m))


def run(A, B, c, steps, generator, process=0.0):
    """A record of x+ = A x + B u + c + process noise, under random inputs around 2."""
    u = 2 + generator.normal(size=(steps, B.shape[1]))
    x = [generator.normal(size=len(A))]
    for entry in u:
        x.append(A @ x[-1] + B @ entry + c + process * generator.normal(size=len(A)))
    return Record(x, u)


@given(SEEDS, st.integers(1, 3))
def test_without_noise_the_system_itself_is_found_from_several_records(seed, count):
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 4), generator.integers(1, 3)
    (A, B), c = stable(generator, n, m), generator.normal(size=n)
    found = identify([run(A, B, c, 60, generator) for _ in range(count)], 0.1)
    assert np.allclose(found.model.A, A, atol=1e-8)
    assert np.allclose(found.model.B, B, atol=1e-8)
    x, u = generator.normal(size=n), generator.normal(size=m)
    assert np.allclose(found.model.step(x, u), A @ x + B @ u + c, atol=1e-7)
    rest = found.model.step(found.model.state, found.model.input)
    assert np.allclose(rest, found.model.state, atol=1e-8)
    assert found.rows == 60 * count
    assert found.one_step_fit.min() > 99.99
    assert found.free_run_fit.min() > 99.99


def test_the_operating_point_is_the_steady_point_nearest_to_the_mean():
    generator = np.random.default_rng(0)
    record = run(np.array([[0.5]]), np.array([[1.0]]), np.array([3.0]), 4000, generator)
    model = identify(record, 1).model
    assert model.state == pytest.approx(2 * (2 + 3), abs=0.2)
    assert model.input == pytest.approx(2, abs=0.1)
    assert model.output.tolist() == model.state.tolist()
    # an integrator rests at any state, under the one input that holds it
    held = identify(run(np.eye(1), np.eye(1), np.array([-2.0]), 300, generator), 1).model
    assert held.input == pytest.approx(2)


def test_a_known_operating_point_saves_the_constant():
    generator = np.random.default_rng(1)
    A, B = stable(generator, 2, 1)
    record = run(A, B, np.zeros(2), 100, generator)
    found = identify(record, 1, at=([0, 0], [0]))
    assert np.allclose(found.model.A, A)
    assert found.model.state.tolist() == [0, 0]
    assert found.offset_error.tolist() == [0, 0]
    noisy = run(A, B, np.zeros(2), 100, generator, process=0.5)
    fitted = identify(noisy, 1, at=([0, 0], [0])).model
    plain = np.linalg.lstsq(np.c_[noisy.outputs[:-1], noisy.inputs], noisy.outputs[1:])[0].T
    assert np.allclose(np.c_[fitted.A, fitted.B], plain)


def test_standard_errors_are_the_spread_over_experiments():
    generator = np.random.default_rng(2)
    A, B = np.array([[0.9, 0.2], [-0.1, 0.7]]), np.array([[0.5], [1.0]])
    runs = [identify(run(A, B, np.ones(2), 200, generator, process=0.3), 1) for _ in range(300)]
    for name, error in (("A", "A_error"), ("B", "B_error")):
        spread = np.std([getattr(f.model, name) for f in runs], axis=0)
        assert np.allclose(np.mean([getattr(f, error) for f in runs], axis=0), spread, rtol=0.15), name
    offsets = [f.model.step([0, 0], [0]) for f in runs]
    assert np.allclose(np.mean([f.offset_error for f in runs], axis=0), np.std(offsets, axis=0), rtol=0.15)
    assert np.mean([f.residual for f in runs]) == pytest.approx(0.3, rel=0.02)
    assert 0.003 < np.mean([f.whiteness < 0.01 for f in runs]) < 0.03  # the test is wrong as often as it says


def test_the_constant_alone_is_as_sure_as_a_mean():
    generator = np.random.default_rng(11)
    found = identify(Record(generator.normal(size=401), generator.normal(size=400)), 1)
    assert found.offset_error == pytest.approx(found.residual / 20, rel=0.02)


def second_order(generator, noise):
    """y+ = 1.5 y - 0.7 y_before + u + 0.5 u_before + 0.1, with its record."""
    u = generator.normal(size=(2000, 1))
    y = [0.0, 0.0]
    for t in range(2000):
        before = u[t - 1, 0] if t else 0.0
        y.append(1.5 * y[-1] - 0.7 * y[-2] + u[t, 0] + 0.5 * before + 0.1 + noise * generator.normal())
    return Record(y[1:], u, "level", "m", "flow", "m3/s")


def test_outputs_alone_give_a_stack_of_the_past():
    found = identify(second_order(np.random.default_rng(3), 0.0), 0.5, order=2)
    model = found.model
    assert model.state_names == ("level", "level 1 step ago", "flow 1 step ago")
    assert model.state_units == ("m", "m", "m3/s")
    assert np.allclose(model.A, [[1.5, -0.7, 0.5], [1, 0, 0], [0, 0, 0]], atol=1e-8)
    assert np.allclose(model.B, [[1], [0], [1]], atol=1e-8)
    assert (model.C.tolist(), model.output_names, model.output_units) == ([[1, 0, 0]], ("level",), ("m",))
    assert np.allclose(model.step(model.state, model.input), model.state)
    assert model.outputs(model.state).tolist() == model.output.tolist()
    assert model.is_stabilisable
    assert model.is_detectable
    assert (found.A_error.shape, found.B_error.shape) == ((1, 3), (1, 1))


def test_a_stack_of_two_outputs_and_two_inputs_predicts_like_the_system():
    generator = np.random.default_rng(4)
    (A, B), C = stable(generator, 4, 2), generator.normal(size=(2, 4))
    u, x = generator.normal(size=(400, 2)), [np.zeros(4)]
    for entry in u:
        x.append(A @ x[-1] + B @ entry)
    y = np.array(x) @ C.T
    found = identify(Record(y, u), 1, order=2)
    assert found.model.n == 2 * 2 + 2
    assert found.free_run_fit.min() > 99.99


def test_third_order_needs_the_inputs_of_two_steps_before():
    generator = np.random.default_rng(9)
    (A, B), C = stable(generator, 3, 1), generator.normal(size=(1, 3))
    u, x = generator.normal(size=(200, 1)), [np.zeros(3)]
    for entry in u:
        x.append(A @ x[-1] + B @ entry)
    found = identify(Record(np.array(x) @ C.T, u), 1, order=3)
    assert found.model.state_names[-2:] == ("input0 1 step ago", "input0 2 steps ago")
    assert found.free_run_fit.min() > 99.99


def test_free_runs_start_anew_from_a_measurement_every_so_many_steps():
    record = run(np.array([[0.9]]), np.eye(1), np.zeros(1), 100, np.random.default_rng(10), process=1.0)
    found = identify(record, 1, free_run_steps=7)
    x, predicted = record.outputs[0], []
    for t, u in enumerate(record.inputs):
        x = found.model.step(record.outputs[t] if t % 7 == 0 else x, u)
        predicted.append(x)
    y = record.outputs[1:]
    fit = 100 * (1 - np.linalg.norm(y - predicted) / np.linalg.norm(y - y.mean()))
    assert found.free_run_fit[0] == pytest.approx(fit)
    assert found.free_run_fit[0] < found.one_step_fit[0] - 5


def test_too_low_an_order_shows_in_fit_and_whiteness():
    record = second_order(np.random.default_rng(5), 0.1)
    low, right = identify(record, 1, order=1), identify(record, 1, order=2)
    assert low.one_step_fit[0] < 80 < 90 < right.one_step_fit[0]
    assert right.is_white
    assert not low.is_white


def feedback_record(seed, noise):
    """2000 samples of the pendulum, held upright by a plain law on noisy measurements, with excitation."""
    plant, generator = clipped_pendulum(), np.random.default_rng(seed)
    added = generator.uniform(-1, 1, (2000, 1))
    x, measured, applied = np.zeros(2), [noise * generator.normal(size=2)], []
    for push in added:
        applied.append(np.clip(push - [8 * measured[-1][0] + 2.5 * measured[-1][1]], -2, 2))
        x = plant.step(x, applied[-1])
        measured.append(x + noise * generator.normal(size=2))
    return Record(measured, applied, ("angle", "rate"), ("rad", "rad/s"), "torque", "N m", excitation=added)


def law_cost(model, horizon):
    """The cost on the true pendulum of the model's law, from twelve starts that the law can save."""
    problem = MPCProblem(model, np.diag([1, 0.1]), 0.001, horizon, ([-2, -8], [2, 8]), (-2, 2))
    starts = [[angle, rate] for angle in (-0.2, -0.1, 0.1, 0.2) for rate in (-0.5, 0, 0.5)]
    return float(simulate(clipped_pendulum(), ImplicitMPC(problem), starts, 60).total_cost.sum())


@pytest.mark.parametrize(
    ("times", "method", "seeds"),
    [(1, LeastSquares(), range(3)), (3, LeastSquares(), range(3)), (3, InstrumentalVariables(), range(3))],
)
def test_2000_noisy_samples_give_a_law_as_good_as_the_true_models(times, method, seeds):
    noise = times * np.array([0.002, 0.01])
    true = law_cost(linearise(clipped_pendulum()), 2)
    for seed in seeds:
        found = identify(feedback_record(seed, noise), 0.05, method=method)
        assert law_cost(found.model, 2) < 1.02 * true, seed


def test_instruments_remove_the_bias_of_noisy_measurements():
    true, noise = linearise(clipped_pendulum(), rule=sampled_map), 5 * np.array([0.002, 0.01])
    records = [feedback_record(seed, noise) for seed in range(12)]
    plain = np.mean([identify(r, 0.05).model.A for r in records], axis=0)
    better = np.mean([identify(r, 0.05, method=InstrumentalVariables()).model.A for r in records], axis=0)
    assert np.abs(plain - true.A).max() > 0.1
    assert np.abs(better - true.A).max() < 0.03


def angle_only(record):
    return Record(record.outputs[:, :1], record.inputs, "angle", "rad", "torque", "N m", excitation=record.excitation)


def test_noisy_outputs_alone_need_instruments():
    true = np.abs(np.linalg.eigvals(linearise(clipped_pendulum(), rule=sampled_map).A)).max()
    for seed in range(3):
        record = angle_only(feedback_record(seed, np.array([0.002, 0.01])))
        plain, better = identify(record, 0.05, order=2), identify(record, 0.05, order=2, method=InstrumentalVariables())
        assert np.abs(np.linalg.eigvals(plain.model.A)).max() < true - 0.1
        assert np.abs(np.linalg.eigvals(better.model.A)).max() == pytest.approx(true, abs=0.01)


class StackLaw:
    """A law on (angle, angle 1 step ago, torque 1 step ago), which it remembers; it never sees the rate."""

    def __init__(self, law):
        self.law = law

    def start(self, batch):
        return np.full((batch, 2), np.nan)

    def step(self, x, memory):
        angle = x[:, :1]
        memory = np.where(np.isnan(memory), np.c_[angle, 0 * angle], memory)
        torque = self.law(np.c_[angle, memory])
        return torque, np.c_[angle, torque]


def test_a_law_on_past_angles_and_torques_holds_the_pendulum():
    record = angle_only(feedback_record(0, np.array([0.002, 0.01])))
    model = identify(record, 0.05, order=2, method=InstrumentalVariables(), at=([0], [0])).model
    wide = ([-2, -2, -2], [2, 2, 2])
    law = ImplicitMPC(MPCProblem(model, np.diag([1, 0, 0]), 0.001, 2, None, (-2, 2), parameter_bounds=wide))
    path = simulate(clipped_pendulum(), StackLaw(law), [[0.2, 0], [-0.1, 0]], 60)
    assert np.abs(path.states[:, -1]).max() < 1e-3


def test_instruments_that_explain_nothing_are_refused():
    record = feedback_record(0, np.array([0.002, 0.01]))
    with pytest.raises(ProblemError, match=r"instruments hardly explain .*torque.* least canonical correlation"):
        identify(replace(record, excitation=None), 0.05, method=InstrumentalVariables())
    regressors, instruments = np.random.default_rng(0).normal(size=(2, 50, 3))
    with pytest.raises(
        ProblemError, match=r"there are 2 independent instruments for 3 regressors; raise `lags` \(now 1"
    ):
        InstrumentalVariables(1).fitted(regressors, instruments[:, [0, 1, 1]], "abc")


def test_records_of_a_simulation():
    plant = clipped_pendulum()
    generator = np.random.default_rng(6)

    def law(x):
        return generator.uniform(-1, 1, (*x.shape[:-1], 1)) - 8 * x[..., :1] - 2.5 * x[..., 1:]

    records = records_of(plant, simulate(plant, law, [[0.05, 0], [-0.05, 0.1]], 80))
    assert len(records) == 2
    found = identify(records, plant.sample_time)
    assert found.rows == 160
    assert np.allclose(found.model.A, linearise(plant, rule=sampled_map).A, atol=0.01)
    assert (found.model.state_names, found.model.input_units) == (("angle", "rate"), ("N m",))


def test_an_episode_that_ended_early_gives_a_short_record():
    plant = replace(clipped_pendulum(), safe_limits=([-0.5, -7], [0.5, 7]))
    path = simulate(plant, lambda x: 0 * x[..., :1], [[0.1, 0], [0, 0]], 60)
    short, whole = records_of(plant, path)
    assert len(short.inputs) == path.ended_at[0] < 60
    assert len(whole.inputs) == 60
    assert short.outputs[-1, 0] > 0.5


def test_a_table_is_printed():
    found = identify(second_order(np.random.default_rng(7), 0.5), 0.5, order=2)
    assert isinstance(found, Identification)
    lines = str(found).splitlines()
    assert lines[0].startswith("LinearModel(3 states, 1 inputs, 1 outputs, every 0.5 s")
    assert lines[1].split("  ") == ["output", "fit 1 step", "fit 20 steps", "residual sd", "whiteness p"]
    assert lines[2].split()[0] == "level"
    value, error = lines[-1].removeprefix("level+ = ").split(" (+-")[:2]
    assert (float(value), float(error.split(")")[0])) == pytest.approx((1.5, 0.0065), abs=0.01)
    assert "flow 1 step ago" in lines[-1]
    assert repr(found).startswith("Identification(LinearModel(3 states")
    coloured = identify(second_order(np.random.default_rng(7), 0.5), 0.5, order=1)
    assert "the standard errors below are too small" in str(coloured)
