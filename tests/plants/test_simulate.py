"""Closed loops: every kind of controller, single and in batches, and how an episode ends."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plants import PlantError, QuadraticCost, clipped_pendulum, simulate

PENDULUM = clipped_pendulum()
GAIN = np.array([[-9.0], [-2.3]])
STARTS = np.array([[0.1, 0], [0.45, 0], [-0.3, 1], [3, -8]])


def gain(x):
    return x @ GAIN


class Remembering:
    """The same gain, with a memory that counts its calls and keeps its last input."""

    def __init__(self):
        self.batches = []

    def start(self, batch):
        self.batches.append(batch)
        return {"calls": 0, "last": np.zeros((batch, 1))}

    def step(self, x, memory):
        u = gain(x)
        return u, {"calls": memory["calls"] + 1, "last": u}


class Smoothed:
    """Half of the wanted input, half of the last one: only a memory can do this."""

    def start(self, batch):
        return np.zeros((batch, 1))

    def step(self, x, memory):
        u = (gain(x) + memory) / 2
        return u, u


class OnlyStart:
    """Half a controller."""

    def start(self, batch):
        return None


class NoMemory(OnlyStart):
    """A controller that forgets to return its memory."""

    def step(self, x, memory):
        return gain(x)


def by_hand(plant, controller, start, steps):
    """The plain loop over one start."""
    states, inputs, costs = [np.array(start, dtype=float)], [], []
    for _ in range(steps):
        inputs.append(plant.clip_input(controller(states[-1])))
        costs.append(float(plant.cost(states[-1], inputs[-1])))
        states.append(plant.step(states[-1], inputs[-1]))
    return np.array(states), np.array(inputs), np.array(costs)


def test_a_batch_is_the_plain_loop_over_each_start():
    run = simulate(PENDULUM, gain, STARTS, steps=50)
    for i, start in enumerate(STARTS):
        states, inputs, costs = by_hand(PENDULUM, gain, start, 50)
        np.testing.assert_allclose(run.states[i], states, atol=1e-9)
        np.testing.assert_allclose(run.inputs[i], inputs, atol=1e-9)
        np.testing.assert_allclose(run.total_cost[i], costs.sum(), atol=1e-7)
        assert run.clipped[i] == (np.abs(states[:-1] @ GAIN) > 2).sum()
    assert run.ended_at.tolist() == [50] * 4
    assert not run.unsafe.any()
    np.testing.assert_allclose(run.times, np.arange(51) * 0.05)


@given(arrays(np.float64, (2, 3, 2), elements=st.floats(-1, 1)))
def test_leading_axes_of_the_starts_are_those_of_everything(starts):
    shapes = []

    def controller(x):
        shapes.append(x.shape)
        return 0.1 * x[..., :1]

    run = simulate(PENDULUM, controller, starts, steps=7)
    assert set(shapes) == {(2, 3, 2)}
    assert (run.states.shape, run.inputs.shape, run.costs.shape) == ((2, 3, 8, 2), (2, 3, 7, 1), (2, 3, 7))
    assert run.ended_at.shape == run.unsafe.shape == run.clipped.shape == run.total_cost.shape == (2, 3)
    alone = simulate(PENDULUM, lambda x: 0.1 * x[..., :1], starts[1, 2], steps=7)
    assert (alone.states.shape, alone.total_cost.shape) == ((8, 2), ())
    np.testing.assert_allclose(run.states[1, 2], alone.states, atol=1e-12)


def test_controllers_with_and_without_memory_run_alike():
    remembering = Remembering()
    with_memory = simulate(PENDULUM, remembering, STARTS)
    without = simulate(PENDULUM, gain, STARTS)
    for name in ("states", "inputs", "costs", "clipped"):
        np.testing.assert_array_equal(getattr(with_memory, name), getattr(without, name))
    assert remembering.batches == [4]
    assert simulate(PENDULUM, remembering, [0.1, 0]).states.shape == (201, 2)
    assert simulate(PENDULUM, remembering, STARTS.reshape(2, 2, 2)).states.shape == (2, 2, 201, 2)
    assert remembering.batches == [4, 1, 4]


def test_memory_is_carried_from_step_to_step():
    run = simulate(PENDULUM, Smoothed(), STARTS[:1], steps=30)
    last = 0.0
    for state, entry in zip(run.states[0], run.inputs[0], strict=False):
        last = (gain(state) + last) / 2
        np.testing.assert_allclose(entry, np.clip(last, -2, 2), atol=1e-12)


def test_what_the_controller_raises_passes_unchanged():
    class OutsideDomain(LookupError):
        pass

    mine = OutsideDomain("theta is outside")

    def law(x):
        raise mine

    with pytest.raises(OutsideDomain) as caught:
        simulate(PENDULUM, law, STARTS)
    assert caught.value is mine


def push(x):
    return np.ones((*x.shape[:-1], 1))


def limited(spring, **changes):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    return spring(safe_limits=([None, -1.5], [None, 1.2]), cost=cost, **changes)


def test_an_unsafe_episode_ends_with_its_penalty_once_and_stays_where_it_was(spring):
    plant, free = limited(spring), spring()
    starts = np.array([[0, 0], [-1, 1.0], [-1, 0.5]])
    run = simulate(plant, push, starts, steps=60)
    unlimited = simulate(free, push, starts, steps=60, cost=replace(plant.cost, violation_penalty=0))
    assert run.unsafe.tolist() == [False, True, True]
    assert run.ended_at[0] == 60
    for i in (1, 2):
        end = run.ended_at[i]
        assert not plant.unsafe(run.states[i, :end]).any()
        assert plant.unsafe(run.states[i, end])
        np.testing.assert_array_equal(run.states[i, : end + 1], unlimited.states[i, : end + 1])
        assert (run.states[i, end:] == run.states[i, end]).all()
        assert (run.inputs[i, end:] == run.inputs[i, end - 1]).all()
        assert (run.costs[i, end:] == 0).all()
        np.testing.assert_allclose(run.total_cost[i], unlimited.costs[i, :end].sum() + 1000)
    np.testing.assert_array_equal(run.costs[0], unlimited.costs[0])


def test_a_controller_never_sees_an_unsafe_state(spring):
    plant, seen = limited(spring), []

    def law(x):
        seen.append(np.array(x))
        return push(x)

    simulate(plant, law, [[0, 0], [-1, 1.0]], steps=60)
    assert len(seen) == 60
    assert not plant.unsafe(np.array(seen)).any()
    simulate(plant, law, [[-1, 1.0]], steps=60)
    assert len(seen) < 70  # nobody is asked any more once every episode has ended


def test_clipped_inputs_of_ended_episodes_are_not_counted(spring):
    plant = limited(spring)
    run = simulate(plant, lambda x: 5 * push(x), [[0, 0], [-1, 1.0]], steps=60)
    assert run.clipped.tolist() == [60, run.ended_at[1]]


def test_a_controller_cannot_change_the_run_through_its_argument():
    def spoiling(x):
        u = gain(x)
        x[...] = np.nan
        return u

    np.testing.assert_array_equal(simulate(PENDULUM, spoiling, STARTS).states, simulate(PENDULUM, gain, STARTS).states)


def test_starts_are_wrapped_and_a_cost_of_ones_own_is_used():
    cost = QuadraticCost(np.zeros((2, 2)), 1, [0, 0], [0])
    run = simulate(PENDULUM, lambda x: 0 * x[..., :1] + 1, [2 * np.pi + 0.1, 0], steps=5, cost=cost)
    np.testing.assert_allclose(run.states[0], [0.1, 0])
    assert run.costs.tolist() == [1] * 5
    assert str(run) == "Trajectory(1 episodes of 5 steps, mean cost 5, 0 unsafe)"


def test_a_runaway_is_recorded_not_raised(spring):
    plant = spring(derivative=lambda x, u: (x[0] ** 3, u[0]), safe_limits=([-100, None], [100, None]))
    run = simulate(plant, push, [0.9, 0], steps=60)
    assert run.unsafe
    assert 0 < run.ended_at < 60
    assert np.isfinite(run.states).all()
    assert np.isfinite(run.total_cost)


def growing(spring, **changes):
    cost = QuadraticCost(np.eye(2), 0.01, [0, 0], [0], violation_penalty=1000)
    return spring(derivative=lambda x, u: (9 * x[0] + u[0] - u[0], -x[1]), cost=cost, **changes)


def test_a_runaway_without_limits_ends_the_episode_with_the_penalty(spring):
    run = simulate(growing(spring), lambda x: 0 * x[..., :1], [[0.9, 0], [0, 0.5]], steps=60)
    end = run.ended_at[0]
    assert run.runaway.tolist() == [True, False]
    assert run.unsafe.tolist() == [False, False]
    assert (end < 60, run.ended_at[1]) == (True, 60)
    assert run.states[0, end, 0] == 1e9
    assert (run.states[0, end:, 0] == 1e9).all()
    assert (run.costs[0, end:] == 0).all()
    np.testing.assert_allclose(run.total_cost[0], (run.states[0, :end] ** 2).sum() + 1000)
    assert "0 unsafe, 1 runaways" in repr(run)


def test_large_states_with_caps_of_their_own_are_no_runaways(spring):
    plant = growing(spring, state_caps=([-1e12, None], [1e12, None]))
    run = simulate(plant, lambda x: 0 * x[..., :1], [[2e9, 0.0]], steps=60)
    assert not run.runaway.any()
    assert run.ended_at.tolist() == [60]
    assert run.states[0, -1, 0] == 1e12
    with pytest.raises(PlantError, match=r"`starts` at \[0\] is .* beyond the 1e\+09 .* declare `state_caps`"):
        simulate(growing(spring), push, [[2e9, 0.0]])


def test_no_episodes_print_without_a_mean(spring):
    assert repr(simulate(spring(), push, np.empty((0, 2)), steps=3)) == "Trajectory(0 episodes of 3 steps, 0 unsafe)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"starts": [0.1, 0, 0]}, r"`starts` has shape \(3,\)"),
        ({"starts": [[0.1, np.nan]]}, r"`starts` is NaN at \[0, 1\]"),
        ({"steps": 0}, "`steps` is 0"),
        ({"steps": 2.5}, "`steps` is 2.5"),
        ({"steps": 10**9}, r"`steps` = 1000000000 from 4 starts asks for 16000000016 numbers, above the limit of \d+"),
        ({"steps": 10**20}, "`steps` = 100000000000000000000 .* take fewer"),
        ({"controller": 3}, "`controller` is int"),
        ({"controller": range(3)}, "`controller` is range, which is neither"),
        ({"controller": Smoothed}, "`controller` is the class Smoothed, which is neither"),
        ({"controller": OnlyStart()}, "`controller` is OnlyStart, which is neither"),
        ({"controller": NoMemory()}, r"`controller` returns a ndarray from its step 0, but a pair"),
        (
            {"controller": lambda x: x},
            r"input at step 0` has shape \(4, 2\), but its last axis must be 1 long \(torque\)",
        ),
        ({"controller": lambda x: x[:2, :1]}, r"has shape \(2, 1\), but \(4, 1\) is needed"),
        ({"controller": lambda x: np.nan * x[:, :1]}, r"input at step 0` is NaN at \[0, 0\]"),
        ({"controller": lambda x: None}, "input at step 0` has dtype object"),
        ({"cost": QuadraticCost(1, 1, [0], [0])}, "state_target of 1 entries"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(PlantError, match=words):
        simulate(PENDULUM, **{"controller": gain, "starts": STARTS} | arguments)


def test_a_plant_that_does_not_clip_refuses_inputs_beyond_its_bounds(spring):
    strict = limited(spring, clips_input=False)
    with pytest.raises(PlantError, match=r"force is 5 .* above its upper bound 1"):
        simulate(strict, lambda x: 5 * push(x), [0, 0])
    assert simulate(strict, push, [0, 0]).clipped == 0


def test_a_start_that_is_already_unsafe_is_refused(spring):
    with pytest.raises(PlantError, match=r"`starts` at \[1\].*already beyond `safe_limits`"):
        simulate(limited(spring), push, [[0, 0], [0, 1.3]])


def test_a_law_that_reads_more_than_the_states_needs_a_memory():
    class Law:
        t = 3

        def __call__(self, x):
            return 0 * x[..., :1]

    words = "takes 3 numbers, but the plant 'clipped pendulum' has 2 states: .* pass a controller with memory"
    with pytest.raises(PlantError, match=words):
        simulate(clipped_pendulum(), Law(), [[0.1, 0.0]], steps=2)
    law = Law()
    law.t = 2
    assert simulate(clipped_pendulum(), law, [[0.1, 0.0]], steps=2).inputs.shape == (1, 2, 1)
