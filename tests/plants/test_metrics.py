"""Metrics against sums that are written out, on paths whose figures are known by heart."""

import numpy as np
import pytest

from plants import PlantError, Scenario, Setpoints, Tracking, Trajectory, metrics, safety_cstr, simulate


def path(states, inputs, ended_at=None, costs=None, **rest):
    """A trajectory of one episode with a sample time of .1."""
    states, inputs = np.asarray(states, dtype=float), np.asarray(inputs, dtype=float)
    steps = len(inputs)
    return Trajectory(
        times=0.1 * np.arange(steps + 1),
        states=states,
        inputs=inputs,
        costs=np.ones(steps) if costs is None else costs,
        ended_at=np.array(steps if ended_at is None else ended_at),
        unsafe=np.array(False),
        clipped=np.array(0),
        **rest,
    )


def test_the_integrals_are_the_sums_over_the_steps(spring):
    states = [[1.0, 0.0], [0.5, -2.0], [-0.25, 1.0], [0.0, 0.0]]
    figures = metrics(path(states, [[0.5], [-1.0], [0.0]]), spring())
    np.testing.assert_allclose(figures.ise, [0.1 * (1 + 0.25 + 0.0625), 0.1 * 5.0])
    np.testing.assert_allclose(figures.iae, [0.1 * 1.75, 0.1 * 3.0])
    np.testing.assert_allclose(figures.itae, [0.1 * (0.1 * 0.5 + 0.2 * 0.25), 0.1 * (0.1 * 2 + 0.2 * 1)])
    np.testing.assert_allclose([figures.effort[0], figures.travel[0], figures.largest_move[0]], [0.15, 2.5, 1.5])
    assert figures.total_cost == 3.0
    assert figures.names == ("position", "speed")


def test_what_comes_after_the_end_counts_nothing(spring):
    states = [[1.0, 0.0], [0.5, 0.0], [0.5, 0.0], [0.5, 0.0]]
    figures = metrics(path(states, [[0.5], [0.5], [0.5]], ended_at=1), spring())
    np.testing.assert_allclose([figures.iae[0], figures.effort[0], figures.travel[0]], [0.1, 0.05, 0.0])
    assert np.isinf(figures.settling_time).all()
    assert np.isinf(figures.steady_state_error).all()


def test_settling_is_counted_from_each_change_of_the_setpoint(spring):
    setpoints = Setpoints.in_turn(position=[(0.0, 10), (1.0, 10)])
    position = np.r_[[0.5, 0.2, 0.05, 0.2], np.zeros(6), [0.0, 0.5, 0.9], np.full(8, 0.95)]
    states = np.stack([position, 0 * position], -1)
    figures = metrics(path(states, np.zeros((20, 1))), spring(), setpoints)
    # the band is 2 % of the width 4 of the bounds: .08
    np.testing.assert_allclose(figures.settling_time, [[0.4], [0.3]])
    np.testing.assert_allclose(figures.steady_state_error, [[0.0], [-0.05]], atol=1e-15)
    wide = metrics(path(states, np.zeros((20, 1))), spring(), setpoints, band=0.051)
    np.testing.assert_allclose(wide.settling_time, [[0.1], [0.2]])


def test_a_segment_that_never_settles_says_so(spring):
    states = np.tile([1.0, 0.0], (11, 1))
    figures = metrics(path(states, np.zeros((10, 1))), spring(), Setpoints.in_turn(position=[(0.0, 10)]))
    assert np.isinf(figures.settling_time).all()
    np.testing.assert_allclose(figures.steady_state_error, [[1.0]])


def test_the_steady_state_error_is_the_mean_of_the_last_tenth(spring):
    states = np.stack([np.arange(31.0), np.zeros(31)], -1)
    figures = metrics(path(states, np.zeros((30, 1))), spring(), Setpoints.in_turn(position=[(0.0, 30)]))
    np.testing.assert_allclose(figures.steady_state_error, [[28.0]])


def test_effort_is_counted_from_the_input_at_rest():
    plant = safety_cstr()
    states, inputs = np.tile(plant.equilibrium[0], (3, 1)), np.array([[55.0], [50.0]])
    np.testing.assert_allclose(metrics(path(states, inputs), plant).effort, [5 / 60])


def test_violations_are_counted_timed_measured_and_dated(spring):
    position = np.array([0.0, 0.5, 1.3, 1.1, 0.9, -1.05, 0.0])
    states = np.stack([position, 0 * position], -1)
    figures = metrics(path(states, np.zeros((6, 1))), spring(), limits=([-1, None], [1, None]))
    assert figures.violations == 3
    np.testing.assert_allclose(figures.violation_time, 0.3)
    np.testing.assert_allclose(figures.violation_depth, [0.3, 0.0])
    np.testing.assert_allclose(figures.first_violation, 0.2)
    calm = metrics(path(states, np.zeros((6, 1))), spring())
    assert calm.violations == 0
    assert np.isinf(calm.first_violation)


def test_the_safe_limits_of_the_plant_count_by_themselves(spring):
    plant = spring(safe_limits=([None, None], [0.6, None]), start_bounds=([-0.5, 0], [0.5, 0]))
    went = simulate(plant, lambda x: 1 + 0 * x[..., :1], [[0.5, 1.0], [-0.5, 0.0]], steps=40)
    figures = metrics(went, plant)
    assert np.array_equal(figures.violations > 0, went.unsafe)
    np.testing.assert_allclose(figures.first_violation[went.unsafe], 0.1 * went.ended_at[went.unsafe])


def test_an_angle_is_measured_on_the_circle(spring):
    plant = spring(angles=("position",), state_units=["rad", "rad/s"])
    states = [[3.1, 0.0], [-3.1, 0.0]]
    figures = metrics(path(states, [[0.0]]), plant, Setpoints.in_turn(speed=[(0.0, 1)], position=[(-3.1, 1)]))
    np.testing.assert_allclose(figures.iae[1], 0.1 * (2 * np.pi - 6.2))


def test_a_scenario_brings_its_setpoints(spring):
    tracking = Tracking(Setpoints.in_turn(position=[(0.1, 20), (-0.1, 20)]), 1.0)
    scenario = Scenario(plant=spring(), tracking=tracking, steps=40)
    went = simulate(scenario, lambda x: 0.4 * np.sign(x[..., :1]), [[0.1, 0.0], [0.0, 0.0]])
    figures = metrics(went, scenario)
    assert figures.names == ("position",)
    assert figures.settling_time.shape == (2, 2, 1)
    by_hand = np.abs(went.states[:, :-1, 0] - np.r_[np.full(20, 0.1), np.full(20, -0.1)]).sum(-1) * 0.1
    np.testing.assert_allclose(figures.iae[:, 0], by_hand)


def test_the_figures_can_be_read(spring):
    went = simulate(spring(), lambda x: -0.5 * x[..., 1:], np.ones((3, 2)))
    text = str(metrics(went, spring()))
    for word in ("total cost", "ISE", "ITAE", "(speed)", "settling time", "0 steps, 0 episodes"):
        assert word in text
    assert set(metrics(went, spring()).as_dict()) >= {"ise", "travel", "violation_depth"}
    assert str(metrics(simulate(spring(), lambda x: x[..., 1:], np.empty((0, 2))), spring())) == "no episodes"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trajectory": 3}, "`trajectory` is"),
        ({"plant": 3}, "`plant` is"),
        ({"setpoints": [1]}, "`setpoints` is"),
        ({"setpoints": Setpoints.in_turn(level=[(1.0, 3)])}, "names 'level'"),
        ({"band": 0}, "`band`"),
        ({"limits": ([1, 1], [0, 2])}, "`limits`"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(spring, change, words):
    usual = {"trajectory": path(np.zeros((3, 2)), np.zeros((2, 1))), "plant": spring()}
    with pytest.raises(PlantError, match=words):
        metrics(**(usual | change))


def test_the_trajectory_of_another_plant_is_refused(spring):
    with pytest.raises(PlantError, match="has 3 states and 1 inputs, but the plant 'spring' has 2 and 1"):
        metrics(path(np.zeros((3, 3)), np.zeros((2, 1))), spring())
