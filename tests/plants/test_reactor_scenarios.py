"""Every scenario of the reactor is survivable, told apart by name, and what it says."""

from itertools import product

import numpy as np
import pytest

from plants import Scenario, reactor_scenarios, simulate

SCENARIOS = reactor_scenarios()
NAMES = sorted(SCENARIOS)


def full_cooling(x):
    return np.full((*x.shape[:-1], 1), 110.0)


def drafted(scenario, seed=0):
    """The constants (steps, k) of one episode."""
    draft = scenario.draft([np.random.default_rng(seed)], scenario.steps)
    values = np.tile(scenario.plant.constant_values, (scenario.steps, 1))
    for i, row in draft.constants.items():
        values[:, i] = row[0]
    return scenario.plant.named_constants(values.T)


def test_they_are_a_registry_by_name():
    assert {"fouled-60", "fouled-75", "inlet+10", "randomised"} < set(SCENARIOS)
    assert all(isinstance(scenario, Scenario) and scenario.name == name for name, scenario in SCENARIOS.items())
    assert len({scenario.purpose for scenario in SCENARIOS.values()}) == len(SCENARIOS)


@pytest.mark.parametrize("name", NAMES)
def test_length_starts_and_loss_are_stated(name):
    scenario = SCENARIOS[name]
    rest = scenario.plant.equilibrium[0]
    assert scenario.steps == 600
    np.testing.assert_allclose(scenario.start_bounds - rest, [[-0.05] * 3 + [-3], [0.05] * 3 + [3]], atol=1e-12)
    assert "%" in scenario.purpose
    assert not scenario.is_nominal


@pytest.mark.parametrize("name", NAMES)
def test_full_cooling_survives_it(name):
    scenario = SCENARIOS[name]
    starts = scenario.sample_starts(np.random.default_rng(11), 100)
    starts[0] = scenario.start_bounds[1]
    run = simulate(scenario, full_cooling, starts, seed=11)
    assert run.unsafe.sum() == 0
    assert run.states[..., 3].max() < 479.5


def test_full_cooling_survives_every_corner_of_what_is_drawn():
    scenario = SCENARIOS["randomised"]
    plant = scenario.plant
    corners = np.array(list(product((0.65, 1), (-10, 10), (-0.1, 0.1), (-3, 3))))
    constants = np.tile(plant.constant_values, (16, 1))
    names = [constant.name for constant in plant.constants]
    constants[:, names.index("effectiveness")] = corners[:, 0]
    for j, name in enumerate(("feed_temperature", "feed_a", "coolant_temperature"), start=1):
        constants[:, names.index(name)] += corners[:, j]
    states = np.tile(scenario.start_bounds[1], (16, 1))
    for _ in range(scenario.steps):
        states = plant.step_rows(states, full_cooling(states), constants)
        assert states[:, 3].max() < 480
    drawn = [drafted(scenario, seed) for seed in range(300)]
    for j, name in enumerate(("effectiveness", "feed_temperature", "feed_a", "coolant_temperature")):
        own = plant.constant_values[names.index(name)]
        values = np.array([getattr(one, name)[0] for one in drawn]) - (own if j else 0)
        assert corners[:, j].min() <= values.min() < values.max() <= corners[:, j].max()
        assert np.ptp(values) > 0.95 * np.ptp(corners[:, j])


def test_what_happens_is_what_the_names_say():
    nominal = SCENARIOS["noisy-late"].plant.named_constants(SCENARIOS["noisy-late"].plant.constant_values)
    assert (drafted(SCENARIOS["fouled-60"]).effectiveness == 0.6).all()
    assert (drafted(SCENARIOS["fouled-75"]).effectiveness == 0.75).all()
    assert (drafted(SCENARIOS["inlet+10"]).feed_temperature == nominal.feed_temperature + 10).all()
    feed = drafted(SCENARIOS["feed-step"]).feed_a
    assert (feed[:60] == 4.3).all()
    assert feed[60:] == pytest.approx(4.9)
    fouling = drafted(SCENARIOS["slow-fouling"]).effectiveness
    assert (np.diff(fouling) < 0).all()
    assert (fouling[0], fouling[-1]) == pytest.approx((1, 0.6), abs=1e-3)
    assert np.ptp(drafted(SCENARIOS["wandering-inlet"]).feed_temperature) > 5


def test_cooling_is_lost_and_the_valve_is_late():
    rest = SCENARIOS["cooling-lost"].plant.equilibrium[0]
    lost = simulate(SCENARIOS["cooling-lost"], full_cooling, rest).inputs[:, 0]
    assert (lost[60:120] == 0).all()
    assert (np.delete(lost, np.s_[60:120]) == 110).all()
    late = simulate(SCENARIOS["noisy-late"], full_cooling, np.tile(rest, (50, 1)))
    assert (late.inputs[:, :6] == 55).all()
    assert (late.inputs[:, 6:] == 110).all()
    error = late.readings - late.states[:, :-1]
    assert not error[..., :3].any()
    assert error[..., 3].std() == pytest.approx(0.5, rel=0.02)
