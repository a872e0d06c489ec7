"""Setpoints and what tracking them costs."""

import numpy as np
import pytest

from plants import PlantError, Setpoints, Tracking


def test_setpoints_in_turn_hold_for_their_steps_and_the_last_one_stays():
    setpoints = Setpoints.in_turn(level=[(0.5, 2), (0.1, 1)], flow=[(3.0, 3)])
    assert setpoints.names == ("level", "flow")
    assert np.array_equal(setpoints.table, [[0.5, 3], [0.5, 3], [0.1, 3]])
    assert np.array_equal(setpoints.at([0, 2, 50]), [[0.5, 3], [0.1, 3], [0.1, 3]])
    with pytest.raises(ValueError, match="read-only"):
        setpoints.table[0, 0] = 1.0


def test_names_that_are_no_identifiers_come_through_a_mapping():
    assert Setpoints.in_turn(**{"level of tank 3": [(1.0, 1)]}).names == ("level of tank 3",)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Setpoints.in_turn, "got no state"),
        (lambda: Setpoints.in_turn(level=3.0), r"`level` of Setpoints is 3.0, but pairs \(value, steps\)"),
        (lambda: Setpoints.in_turn(level=[(1.0, 0)]), "`steps of level of Setpoints` is 0"),
        (lambda: Setpoints.in_turn(level=[(np.inf, 1)]), "`level of Setpoints`"),
        (lambda: Setpoints.in_turn(a=[(1, 2)], b=[(1, 3)]), r"different lengths in steps: \{'a': 2, 'b': 3\}"),
        (lambda: Setpoints(("a",), [[1, 2]]), r"shape \(1, 2\), but \(steps, 1\)"),
        (lambda: Setpoints((), np.empty((3, 0))), "is needed for"),
        (lambda: Setpoints(("a",), np.empty((0, 1))), r"shape \(0, 1\)"),
        (lambda: Tracking(3, 1.0), "`setpoints` is"),
        (lambda: Tracking(Setpoints.in_turn(a=[(1, 2)]), np.eye(2)), "`weight of Tracking`"),
        (lambda: Tracking(Setpoints.in_turn(a=[(1, 2)]), -1.0), "`weight of Tracking`.*below 0"),
        (lambda: Tracking(Setpoints.in_turn(a=[(1, 2)]), 1.0, -1.0), "`move_weight`.*below 0"),
    ],
)
def test_setpoints_that_do_not_fit_are_refused(build, words):
    with pytest.raises(PlantError, match=words):
        build()


def test_a_state_that_turns_is_not_tracked(weighted_spring):
    plant = weighted_spring(angles=("position",), state_units=["rad", "rad/s"])
    with pytest.raises(PlantError, match="'position', which is one of the `angles`"):
        Tracking(Setpoints.in_turn(position=[(1.0, 5)]), 1.0).fits(plant)


def test_a_state_twice_and_schedules_beyond_memory_are_refused():
    with pytest.raises(PlantError, match="twice: level, level; name each once"):
        Setpoints(("level", "level"), [[1.0, 2.0]])
    with pytest.raises(PlantError, match="1000000000000 steps"):
        Setpoints.in_turn(level=[(1, 10**12)])
