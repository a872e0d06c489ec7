"""What a scenario's disturbances come to: their order, and that each draws numbers of its own."""

import numpy as np
import pytest

from plants import Misread, PlantEnvironment, Scaled, Scenario, Shifted, Sine, White


def drafted(scenario, steps=2000):
    return scenario.draft([np.random.default_rng(3)], steps)


@pytest.fixture
def world(weighted_spring):
    """A builder of scenarios of the weighted spring."""
    plant = weighted_spring()
    return lambda *disturbances: Scenario(plant=plant, disturbances=disturbances)


def test_an_input_is_scaled_and_shifted_in_the_order_of_the_list(world):
    wave = Sine(1.0, 7)
    first, last, both = (
        drafted(world(*parts), 5)
        for parts in (
            (Shifted("force", wave), Scaled("force", 0.5)),
            (Scaled("force", 0.5), Shifted("force", wave)),
            (Shifted("force", wave), Scaled("force", 0.5), Shifted("force", 1.0), Scaled("force", 0.1)),
        )
    )
    values = wave.values(5)
    np.testing.assert_allclose(first.input_shifts[0][0], values / 2)
    np.testing.assert_allclose(last.input_shifts[0][0], values)
    np.testing.assert_allclose(both.input_shifts[0][0], 0.1 * (values / 2 + 1))
    for draft, gain in ((first, 0.5), (last, 0.5), (both, 0.05)):
        np.testing.assert_allclose(draft.input_gains[0], gain)


def test_each_disturbance_draws_numbers_of_its_own(world):
    draft = drafted(world(Misread("position", White(1.0)), Misread("speed", White(1.0)), Shifted("load", White(1.0))))
    drawn = [draft.reading_shifts[0][0, :2000], draft.reading_shifts[1][0, :2000], *draft.constants.values()]
    correlations = np.corrcoef(np.vstack(drawn))
    assert np.abs(correlations - np.eye(3)).max() < 0.1


@pytest.mark.parametrize("relative", [False, True])
def test_the_last_observation_has_an_error_of_its_own(world, relative):
    environment = PlantEnvironment(world(Misread("position", White(0.1), relative=relative)), steps=4)
    environment.reset(seed=0)
    seen = [environment.step([0.1]) for _ in range(4)]
    assert seen[-1][3]
    errors = [
        (observation[0] - info["state"][0]) / (info["state"][0] if relative else 1)
        for observation, _, _, _, info in seen
    ]
    assert len(np.unique(np.round(errors, 12))) == 4
