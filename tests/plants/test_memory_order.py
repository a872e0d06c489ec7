"""Arrays of every layout in memory mean what their entries say, wherever a public argument takes one."""

import numpy as np
import pytest

from plants import PlantEnvironment, QuadraticCost, clipped_pendulum, simulate

PENDULUM = clipped_pendulum()
STATES = np.array([[0.1, 0.3], [-0.4, 1.0], [0.2, -2.0]])
INPUTS = np.array([[0.5], [-1.0], [3.0]])


def strided(array):
    spread = np.full((2 * array.shape[0], 3 * array.shape[1]), np.nan)
    spread[::2, ::3] = array
    return spread[::2, ::3]


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def torch_like(array):
    """A view on memory that numpy does not own, in columns."""
    return np.frombuffer(array.T.tobytes()).reshape(array.shape[::-1]).T


LAYOUTS = {
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "strided": strided,
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "borrowed": torch_like,
    "big-endian": lambda a: a.astype(">f8"),
}


def gain(x):
    return x @ [[-9.0], [-2.3]]


class Remembering:
    def __init__(self, layout):
        self.layout = layout

    def start(self, batch):
        return 0

    def step(self, x, memory):
        return self.layout(gain(x)), memory + 1


USES = {
    "step": lambda f: PENDULUM.step(f(STATES), f(INPUTS)),
    "derivatives": lambda f: PENDULUM.derivatives(f(STATES), f(INPUTS)),
    "jacobians": lambda f: np.concatenate(PENDULUM.jacobians(f(STATES), f(INPUTS)), -1),
    "clip_input": lambda f: PENDULUM.clip_input(f(INPUTS)),
    "wrap": lambda f: PENDULUM.wrap(f(STATES)),
    "unsafe": lambda f: PENDULUM.unsafe(f(STATES)),
    "cost": lambda f: PENDULUM.cost(f(STATES), f(INPUTS)),
    "starts": lambda f: simulate(PENDULUM, gain, f(STATES), steps=9).states,
    "a controller's answer": lambda f: simulate(PENDULUM, lambda x: f(gain(x)), STATES, steps=9).states,
    "an answer with memory": lambda f: simulate(PENDULUM, Remembering(f), STATES, steps=9).states,
    "weights": lambda f: QuadraticCost(f(np.diag([1.0, 2.0])), 1, [0, 0], [0]).stage(STATES, INPUTS),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_layout_of_an_array_changes_nothing(use, layout):
    np.testing.assert_array_equal(use(layout), use(np.ascontiguousarray))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_rows_of_any_layout_may_be_stepped_unchecked(layout):
    wanted = PENDULUM.step(STATES, INPUTS)
    if layout is not LAYOUTS["big-endian"]:
        np.testing.assert_array_equal(PENDULUM.step_rows(layout(STATES), layout(INPUTS)), wanted)


def test_broadcast_arrays_are_as_good_as_their_copies():
    states, inputs = np.broadcast_to(STATES[0], (4, 3, 2)), np.broadcast_to(INPUTS, (4, 3, 1))
    np.testing.assert_array_equal(PENDULUM.step(states, inputs), PENDULUM.step(states.copy(), inputs.copy()))
    for lead in [(5, 3), (1, 3), (3, 1, 3)]:
        starts = np.broadcast_to(STATES, (*lead, 2))
        run = simulate(PENDULUM, gain, starts, steps=9)
        np.testing.assert_array_equal(run.states, simulate(PENDULUM, gain, starts.copy(), steps=9).states)
    alone = np.broadcast_to(STATES[:1], (2, 1, 2))
    assert simulate(PENDULUM, gain, alone, steps=9).states.shape == (2, 1, 10, 2)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_an_environment_takes_states_and_actions_of_any_layout(layout):
    ends = []
    for put in (layout, np.ascontiguousarray):
        environment = PlantEnvironment(PENDULUM)
        environment.reset(options={"state": put(STATES)[1]})
        ends.append(environment.step(put(INPUTS)[1])[0])
    np.testing.assert_array_equal(*ends)
