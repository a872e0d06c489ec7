"""Scenarios: every disturbance against the formula it stands for, seeds, composition, starts, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants import (
    Delayed,
    Drift,
    Jump,
    Lagged,
    Level,
    Limited,
    Misread,
    PlantError,
    RateLimited,
    Scaled,
    Scenario,
    Setpoints,
    Shifted,
    Signal,
    Tracking,
    Uniform,
    White,
    four_tanks,
    simulate,
    with_constants,
)

STARTS = np.array([[1.0, 0.0], [-0.5, 0.5], [0.2, -1.0]])


def gain(x):
    return -(0.8 * x[..., :1] + 0.6 * x[..., 1:])


@pytest.fixture
def world(weighted_spring):
    """A builder of scenarios of the weighted spring."""
    plant = weighted_spring()
    return lambda *disturbances, **rest: Scenario(plant=plant, disturbances=disturbances, **rest)


def test_a_scenario_without_disturbances_is_the_plant(world):
    scenario = world()
    ours, plain = simulate(scenario, gain, STARTS), simulate(scenario.plant, gain, STARTS)
    assert np.array_equal(ours.states, plain.states)
    assert np.array_equal(ours.costs, plain.costs)
    assert np.array_equal(ours.readings, plain.states[:, :-1])


def test_a_constant_shift_or_factor_is_the_changed_plant(world):
    scenario = world(Shifted("load", 0.3), Scaled("stiffness", 0.5), Scaled("gain", Level(2.0)))
    changed = with_constants(scenario.plant, load=0.3, stiffness=2.0, gain=2.0)
    ours, theirs = simulate(scenario, gain, STARTS), simulate(changed, gain, STARTS)
    np.testing.assert_allclose(ours.states, theirs.states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.costs, theirs.costs, rtol=0, atol=1e-12)


def test_a_jump_acts_from_its_step_on(world):
    scenario = world(Shifted("load", Jump(1.0, at=5)))
    jumped, calm = simulate(scenario, gain, STARTS, steps=10), simulate(scenario.plant, gain, STARTS, steps=10)
    assert np.array_equal(jumped.states[:, :6], calm.states[:, :6])
    assert not np.array_equal(jumped.states[:, 6], calm.states[:, 6])
    loaded = with_constants(scenario.plant, load=1.0)
    after = loaded.step(jumped.states[:, 5], jumped.inputs[:, 5])
    np.testing.assert_allclose(jumped.states[:, 6], after, rtol=0, atol=1e-13)


def test_shifts_and_factors_of_one_thing_act_in_their_order(world):
    first = world(Shifted("load", 1.0), Scaled("load", 0.5))
    second = world(Scaled("load", 0.5), Shifted("load", 1.0))
    for scenario, load in ((first, 0.5), (second, 1.0)):
        changed = with_constants(scenario.plant, load=load)
        ours, theirs = simulate(scenario, gain, STARTS, 20), simulate(changed, gain, STARTS, 20)
        np.testing.assert_allclose(ours.states, theirs.states, rtol=0, atol=1e-12)


def test_a_shifted_input_stays_within_its_bounds_and_is_what_is_charged(world):
    scenario = world(Scaled("force", 0.5), Shifted("force", 0.9))
    path = simulate(scenario, gain, STARTS, steps=30)
    wanted = np.clip(gain(path.states[:, :-1]), -1, 1)
    np.testing.assert_allclose(path.inputs, np.clip(0.5 * wanted + 0.9, -1, 1), rtol=0, atol=1e-15)
    assert (path.inputs.max(), path.clipped.sum()) == (1.0, (np.abs(gain(path.states[:, :-1])) > 1).sum())
    np.testing.assert_allclose(path.costs, scenario.plant.cost.stage(path.states[:, :-1], path.inputs), atol=1e-14)


def test_a_shifted_state_is_moved_after_every_step(world):
    scenario = world(Shifted("position", 0.01), Shifted("speed", Jump(-0.2, at=3)))
    path = simulate(scenario, gain, STARTS, steps=8)
    moved = path.states[:, 1:] - scenario.plant.step(path.states[:, :-1], path.inputs)
    np.testing.assert_allclose(moved[..., 0], 0.01, atol=1e-13)
    np.testing.assert_allclose(moved[..., 1], np.where(np.arange(8) < 3, 0, -0.2)[None].repeat(3, 0), atol=1e-13)


def test_a_shifted_state_stays_within_its_caps(weighted_spring):
    plant = weighted_spring(state_caps=([-2, -3], [2, 3]))
    path = simulate(Scenario(plant=plant, disturbances=(Shifted("position", 0.5),)), gain, STARTS, steps=30)
    assert path.states[..., 0].max() == 2.0


def test_a_misread_state_is_seen_and_not_lived(world):
    seen = []

    def spy(x):
        seen.append(x.copy())
        return gain(x)

    scenario = world(Misread("position", 0.1), Misread("speed", Level(0.5), relative=True))
    path = simulate(scenario, spy, STARTS, steps=12)
    states = path.states[:, :-1]
    expected = np.stack([states[..., 0] + 0.1, 1.5 * states[..., 1]], -1)
    np.testing.assert_allclose(path.readings, expected, atol=1e-14)
    np.testing.assert_allclose(np.stack(seen, 1), expected, atol=1e-14)
    np.testing.assert_allclose(path.states[:, 1:], scenario.plant.step(states, path.inputs), atol=1e-14)


def test_readings_of_an_angle_are_wrapped(weighted_spring):
    plant = weighted_spring(angles=("position",), state_units=["rad", "rad/s"], start_bounds=([-3, 0], [3, 0]))
    scenario = Scenario(plant=plant, disturbances=Misread("position", 1.0))
    path = simulate(scenario, lambda x: 0 * x[..., :1], [[3.0, 0.0]], steps=1)
    assert path.readings[0, 0, 0] == pytest.approx(4.0 - 2 * np.pi)


@pytest.mark.parametrize(
    ("actuator", "acts"),
    [
        (Limited("force", -0.2, 0.3), lambda u, before: np.clip(u, -0.2, 0.3)),
        (RateLimited("force", 0.1), lambda u, before: before[-1] + np.clip(u - before[-1], -0.1, 0.1)),
        (Lagged("force", 3.0), lambda u, before: u + np.exp(-1 / 3) * (before[-1] - u)),
    ],
)
def test_an_actuator_follows_its_formula(world, actuator, acts):
    path = simulate(world(actuator), gain, STARTS, steps=25)
    wanted = np.clip(gain(path.states[:, :-1]), -1, 1)
    before = [np.zeros((3, 1))]
    for k in range(25):
        before.append(acts(wanted[:, k], before))
        np.testing.assert_allclose(path.inputs[:, k], before[-1], rtol=0, atol=1e-14)
    assert not np.allclose(path.inputs, wanted, atol=1e-3)


@given(st.integers(1, 9))
@settings(deadline=None, max_examples=9)
def test_a_delayed_input_acts_so_many_steps_later(weighted_spring, steps):
    plant = weighted_spring()
    path = simulate(Scenario(plant=plant, disturbances=(Delayed("force", steps),)), gain, STARTS, steps=15)
    wanted = np.clip(gain(path.states[:, :-1]), -1, 1)
    assert (path.inputs[:, :steps] == 0).all()
    assert np.array_equal(path.inputs[:, steps:], wanted[:, :-steps])


def test_actuators_act_one_after_another(world):
    path = simulate(world(Delayed("force", 2), RateLimited("force", 0.05)), gain, STARTS, steps=20)
    assert (path.inputs[:, :2] == 0).all()
    assert np.abs(np.diff(path.inputs, axis=1)).max() <= 0.05 + 1e-15


NOISY = (Shifted("load", Uniform(-0.5, 0.5)), Misread("speed", White(0.1)), Shifted("speed", Drift(0.05, 5)))


def test_a_row_meets_the_same_in_any_batch_and_under_any_controller(world):
    scenario = world(*NOISY)
    whole = simulate(scenario, gain, STARTS, seed=4)
    part = simulate(scenario, gain, STARTS[:2], seed=4)
    assert np.array_equal(whole.states[:2], part.states)
    idle = simulate(scenario, lambda x: 0 * x[..., :1], STARTS, seed=4)
    noise = [path.readings[..., 1] - path.states[:, :-1, 1] for path in (whole, idle)]
    np.testing.assert_allclose(noise[0], noise[1], rtol=0, atol=1e-12)


def test_each_of_several_leading_rows_of_starts_meets_the_same(world):
    scenario = world(Misread("position", White(0.1)), Scaled("gain", Uniform(0.5, 1.5)), Delayed("force", 2))
    alone, stacked = (simulate(scenario, gain, starts, seed=4) for starts in (STARTS, np.stack([STARTS, STARTS])))
    assert stacked.states.shape == (2, *alone.states.shape)
    assert np.array_equal(stacked.states, np.stack([alone.states, alone.states]))
    assert np.array_equal(stacked.readings, np.stack([alone.readings, alone.readings]))


def test_rows_and_seeds_differ(world):
    scenario = world(*NOISY)
    same_start = np.tile(STARTS[:1], (4, 1))
    first, second = (simulate(scenario, gain, same_start, seed=seed) for seed in (0, 1))
    ends = np.concatenate([first.states[:, -1, 0], second.states[:, -1, 0]])
    assert len(np.unique(ends)) == 8
    assert np.array_equal(first.states, simulate(scenario, gain, same_start, seed=0).states)


def test_one_more_disturbance_leaves_what_the_others_draw(world):
    few, more = world(*NOISY), world(*NOISY, Scaled("gain", Uniform(0.5, 1.0)))
    noises = []
    for scenario in (few, more):
        path = simulate(scenario, gain, STARTS, seed=2)
        noises.append(path.readings[..., 1] - path.states[:, :-1, 1])
    np.testing.assert_allclose(noises[0], noises[1], rtol=0, atol=1e-12)


def test_uniform_constants_are_drawn_anew_for_every_row(world):
    path = simulate(world(Shifted("load", Uniform(-0.5, 0.5))), lambda x: 0 * x[..., :1], np.zeros((200, 2)), steps=1)
    loads = path.states[:, 1, 1] / path.states[:, 1, 1].max() * 0.5
    assert loads.min() < -0.4
    assert abs(loads.mean()) < 0.1


def test_tracking_charges_for_the_setpoint_of_the_step_and_for_moves(world):
    setpoints = Setpoints.in_turn(position=[(0.5, 4), (-0.5, 6)])
    scenario = world(tracking=Tracking(setpoints, 2.0, 0.3), steps=10)
    path = simulate(scenario, lambda x: 0.1 - 0.2 * x[..., :1], STARTS)
    wanted = np.r_[np.full(4, 0.5), np.full(6, -0.5)]
    moves = np.diff(np.concatenate([np.zeros((3, 1)), path.inputs[..., 0]], axis=1), axis=1)
    np.testing.assert_allclose(path.costs, 2 * (path.states[:, :-1, 0] - wanted) ** 2 + 0.3 * moves**2, atol=1e-14)
    assert np.array_equal(path.setpoints[:, 0], wanted)
    assert path.tracked == (0,)


def test_another_cost_takes_the_place_of_tracking(world):
    scenario = world(tracking=Tracking(Setpoints.in_turn(position=[(0.5, 10)]), 2.0))
    path = simulate(scenario, gain, STARTS, steps=5, cost=scenario.plant.cost)
    np.testing.assert_allclose(path.costs, scenario.plant.cost.stage(path.states[:, :-1], path.inputs), atol=1e-14)


def test_a_scenario_has_starts_and_a_length_of_its_own(world):
    scenario = world(steps=7, start_bounds=([0.4, 0], [0.5, 0]), name="short")
    assert simulate(scenario, gain, [0.4, 0]).inputs.shape == (7, 1)
    starts = scenario.sample_starts(np.random.default_rng(0), 50)
    assert 0.4 <= starts[:, 0].min() < starts[:, 0].max() <= 0.5
    assert "short" in repr(scenario)
    assert "nothing disturbs it" in repr(scenario)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plant": 3}, "`plant` is"),
        ({"name": ""}, "`name` is ''"),
        ({"disturbances": ["fouled"]}, "a sequence of them is needed"),
        ({"disturbances": Shifted("lode", 1.0)}, "`Shifted` names 'lode'; did you mean 'load'"),
        ({"disturbances": Scaled("position", 1.0)}, "`Scaled` names 'position'"),
        ({"disturbances": Misread("gain", 1.0)}, "`Misread` names 'gain'"),
        ({"disturbances": Delayed("speed", 1)}, "`Delayed` names 'speed'; did you mean 'force'"),
        ({"disturbances": Limited("force", 2.0, 3.0)}, r"the plant's own range is \[-1, 1\]: nothing is left"),
        ({"tracking": 3}, "`tracking` is"),
        ({"tracking": Tracking(Setpoints.in_turn(depth=[(1.0, 5)]), 1.0)}, "names 'depth'"),
        ({"tracking": Tracking(Setpoints.in_turn(speed=[(1.0, 5)]), 1.0, np.eye(2))}, "one of 2 inputs, .* has 1"),
        ({"steps": 0}, "`steps` is 0"),
        ({"start_bounds": ([1, 0], [0, 0])}, "`start_bounds`"),
        ({"purpose": None}, "`purpose` is a NoneType"),
    ],
)
def test_scenarios_that_do_not_fit_are_refused(weighted_spring, change, words):
    with pytest.raises(PlantError, match=words):
        Scenario(**({"plant": weighted_spring()} | change))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Shifted("load", np.nan), "`signal of Shifted load` is NaN"),
        (lambda: Scaled("load", "half"), "`signal of Scaled load`"),
        (lambda: Limited("force", 1.0, 0.0), "`lower` of Limited force is 1, above `upper` = 0"),
        (lambda: RateLimited("force", 0.0), "`most of RateLimited force`"),
        (lambda: Delayed("force", 0), "`steps of Delayed force` is 0"),
        (lambda: Delayed("force", 10**6), "is 1000000, above 10000"),
        (lambda: Lagged("force", -1.0), "`steps of Lagged force`"),
    ],
)
def test_disturbances_are_checked_at_birth(build, words):
    with pytest.raises(PlantError, match=words):
        build()


def test_starts_beyond_a_safe_limit_are_refused(weighted_spring):
    plant = weighted_spring(safe_limits=([None, None], [1.5, None]), start_bounds=([-1, 0], [1, 0]))
    with pytest.raises(PlantError, match="beyond `safe_limits`"):
        Scenario(plant=plant, start_bounds=([-1, 0], [1.8, 0]))


class Given(Signal):
    """Whatever a user's own signal may return."""

    def __init__(self, values):
        self.values = values

    def __repr__(self):
        return "Given"

    def draw(self, steps, generator):
        return self.values


@pytest.mark.parametrize("values", [None, "abc", np.zeros(2), np.full(5, np.nan), np.zeros((5, 2)), np.zeros(5) * 1j])
def test_a_signal_of_ones_own_gives_one_finite_number_for_each_step(values):
    with pytest.raises(PlantError, match="`values of Given`"):
        Scenario(plant=four_tanks(), disturbances=[Shifted("gravity", Given(values))]).draft(
            [np.random.default_rng(0)], 5
        )


def test_disturbances_that_multiply_up_to_infinity_are_refused():
    many = [Scaled("pump_1", 1e100)] * 4
    with pytest.raises(PlantError, match=r"input gains .*above 1e\+150; make them smaller"):
        Scenario(plant=four_tanks(), disturbances=many).draft([np.random.default_rng(0)], 5)


@pytest.mark.parametrize("signal", [1, White(1)])
def test_no_rows_have_disturbances_too(signal):
    assert Scenario(plant=four_tanks(), disturbances=[Shifted("gravity", signal)]).draft([], 5).constants[0].shape == (
        0,
        5,
    )


def test_starts_beyond_the_caps_are_refused():
    with pytest.raises(PlantError, match=r"`start_bounds`.*`state_caps`.*narrow them"):
        Scenario(plant=four_tanks(), start_bounds=([-1] * 4, [0.5] * 4))


def test_whether_an_error_is_relative_is_true_or_false():
    with pytest.raises(PlantError, match="`relative of Misread level_1` is a str"):
        Misread("level_1", 1, relative="yes")
