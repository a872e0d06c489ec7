"""The speed of learners: what is shown, and that everything that is measured runs."""

import pytest

from benchmarks import learners
from benchmarks.learners import OURS, PEERS, Speed, measured, missed, table


def test_a_line_holds_both_speeds_and_their_ratio():
    found = {"SAC": Speed(2000.0, 250.0), "DSAC-T": Speed(1500.4, None), "TD3": Speed(2000.0, 1000.0)}
    lines = table(found).splitlines()
    assert "| SAC | 2,000 | 250 | 8.0 |" in lines
    assert "| DSAC-T | 1,500 | - | - |" in lines
    assert missed(found) == ["TD3"]


def test_speeds_are_agent_steps_over_processor_time(monkeypatch):
    """Ten seeds: 50 further steps take 5 - 1 seconds."""
    clock = iter([0.0, 5.0, 7.0, 8.0])
    monkeypatch.setattr(learners.time, "process_time", lambda: next(clock))
    monkeypatch.setattr(learners, "train", lambda *args, **named: None)
    assert learners.our_speed("TD3", 50) == pytest.approx(10 * 50 / 4)


@pytest.mark.slow
def test_everything_that_is_measured_runs():
    found = measured(steps=20, rounds=1)
    assert set(found) == set(OURS)
    assert {name for name, speed in found.items() if speed.peer} == set(PEERS)
