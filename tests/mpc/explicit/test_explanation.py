"""An explanation reads like a sentence, and goes into JSON."""

import json

import numpy as np
import pytest

from mpc import solve_explicit


@pytest.fixture(scope="module")
def pendulum(pendulum_problem):
    return solve_explicit(pendulum_problem())


def test_an_explanation_reads_like_a_sentence(pendulum):
    text = str(pendulum.explain([1.0, -3.5]))
    lines = text.splitlines()
    assert lines[0] == "at angle = 1 rad, rate = -3.5 rad/s"
    assert lines[1].startswith("region ")
    assert lines[1].endswith(" half widths from its border")
    assert lines[2].startswith("active: ")
    place = pendulum.locate([1.0, -3.5])
    active = pendulum.regions[place.region].active
    assert lines[2] == f"active: {'; '.join(active) or 'no limit'}"
    assert lines[3].startswith(f"torque = {pendulum([1.0, -3.5])[0]:.6g} N m   (torque =")
    near = str(pendulum.explain([0.0, 0.0]))
    assert "active: no limit" in near
    assert "angle" in near.splitlines()[3]


def test_an_explanation_of_a_saturated_state_names_the_limit(pendulum):
    explanation = pendulum.explain([0.4, 0.0])
    assert explanation.active[0] == "torque at its lower limit -2 N m at step 0"
    assert explanation.input == pytest.approx([-2])
    assert str(explanation).splitlines()[-1] == "torque = -2 N m   (torque = -2)"


def test_an_explanation_goes_into_json(pendulum):
    data = json.loads(json.dumps(pendulum.explain([0.1, 0.0]).to_dict()))
    assert data["theta"] == {"angle": 0.1, "rate": 0.0}
    assert data["input"]["torque"] == pytest.approx(pendulum([0.1, 0.0])[0])
    assert (data["inside"], data["active"]) == (True, [])
    gain = np.array(data["gain"])
    assert gain @ [0.1, 0.0] + data["offset"] == pytest.approx(pendulum([0.1, 0.0]))
    assert data["margin"] == pytest.approx(pendulum.locate([0.1, 0.0]).margin)


def test_outside_the_nearest_region_is_explained_and_said_so(pendulum):
    explanation = pendulum.explain([3.0, 0.0])
    assert not explanation.inside
    assert not explanation.to_dict()["inside"]
    away = -pendulum.locate([3.0, 0.0]).margin
    assert f"outside the domain; nearest is region {explanation.region}, {away:.3g} half widths away" in str(
        explanation
    )
    assert explanation.input == pytest.approx(pendulum.nearest([3.0, 0.0])[0])
