"""An explanation reads like a sentence, and goes into JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import Limits, NumericalError, ProblemError, condense, solve_explicit
from mpc.explicit import worth
from mpc.explicit.readout import Readout
from mpc.explicit.value import Quadratic


@pytest.fixture(scope="module")
def pendulum(pendulum_problem):
    """The pendulum's law without what only the cost's value and readouts need."""
    bare = replace(condense(pendulum_problem()), constant=None, readouts=())
    law = solve_explicit(pendulum_problem())
    return replace(law, problem=bare)


@pytest.fixture(scope="module")
def told(pendulum, pendulum_problem):
    """The pendulum's law with the state at step 1 as readouts, and a constant part of the cost."""
    model = pendulum_problem().model
    first = np.array([1.0, 0.0])
    readouts = [
        Readout(f"{name} at step 1", unit, 0.0, row, move * first)
        for name, unit, row, move in zip(model.state_names, model.state_units, model.A, model.B[:, 0], strict=True)
    ]
    constant = Quadratic(0.0, [0, 0], np.diag([2, 0.2]))
    return replace(pendulum, problem=replace(condense(pendulum_problem()), readouts=readouts, constant=constant))


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


def test_an_explanation_of_a_saturated_state_names_the_limit_and_its_price(pendulum):
    explanation = pendulum.explain([0.4, 0.0])
    assert explanation.active[0] == "torque at its lower limit -2 N m at step 0"
    assert explanation.input == pytest.approx([-2])
    lines = str(explanation).splitlines()
    assert lines[3] == "torque = -2 N m   (torque = -2)"
    value, prices = float(pendulum.value([0.4, 0.0])), pendulum.multipliers([0.4, 0.0])
    assert lines[4] == f"cost: {value:.6g}, without the part that no input changes (the problem gives none)"
    assert lines[5] == "prices, at this rate at first:"
    row = pendulum.labels.rows.index(explanation.active[0])
    assert f"  {explanation.active[0]}: 1 N m more would save {prices[row]:.4g} of cost" in lines


def test_the_way_to_the_nearest_change_leads_there(pendulum):
    explanation = pendulum.explain([0.4, 0.0])
    (facet, *_), last = explanation.facets, str(explanation).splitlines()[-1]
    angle, rate = facet.move
    assert last == (
        f"nearest change: angle {angle:+.4g} rad, rate {rate:+.4g} rad/s ({facet.distance:.3g} half widths): "
        f"torque at its lower limit -2 N m at step 1 lets go; behind it: region {explanation.beyond}"
    )
    assert facet.distance == pytest.approx(explanation.margin)
    assert pendulum.locate(explanation.theta + 1.001 * facet.move).region == explanation.beyond
    behind = pendulum.regions[explanation.beyond].active
    assert set(explanation.active) - set(behind) == {"torque at its lower limit -2 N m at step 1"}


def test_behind_the_border_of_the_domain_there_is_nothing(pendulum):
    explanation = pendulum.explain([-1.99, 7.0])
    assert explanation.beyond is None
    assert str(explanation).endswith(
        "the parameter set ends: angle at its lower limit -2 rad; behind it: the end of the domain"
    )


def test_readouts_and_a_whole_cost_are_told(told, pendulum_problem):
    model, x = pendulum_problem().model, np.array([0.4, 0.1])
    after = model.A @ x + model.B @ told(x)
    lines = str(told.explain(x)).splitlines()
    assert f"cost: {float(told.value(x)):.6g}" in lines
    assert f"then: angle at step 1 = {after[0]:.6g} rad, rate at step 1 = {after[1]:.6g} rad/s" in lines
    data = told.explain(x).to_dict()
    assert data["readouts"]["rate at step 1"] == {"value": pytest.approx(after[1]), "unit": "rad/s"}
    assert data["value_is_whole"]


def test_a_readout_of_rounding_is_0(told):
    """0.1 + 0.2 - 0.3 is 5.6e-17."""
    sum_of_three = Readout("nothing", "", 0.1, [0.5, 0], [0.15, 0])
    law = replace(told, problem=replace(told.problem, readouts=[sum_of_three]))
    assert law.explain([0.4, 0.0]).to_dict()["readouts"]["nothing"]["value"] == 0


def test_an_explanation_goes_into_json(told):
    explanation = told.explain([0.4, 0.0])
    data = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
    assert data == explanation.to_dict()
    assert data["theta"] == {"angle": 0.4, "rate": 0.0}
    assert data["units"] == {"angle": "rad", "rate": "rad/s", "torque": "N m"}
    assert data["input"]["torque"] == pytest.approx(told([0.4, 0.0])[0])
    assert (data["inside"], data["members"], data["partial"]) == (True, [], "")
    assert data["active"] == list(told.regions[data["region"]].active)
    assert np.array(data["gain"]) @ [0.4, 0.0] + data["offset"] == pytest.approx(told([0.4, 0.0]))
    assert data["margin"] == pytest.approx(told.locate([0.4, 0.0]).margin)
    assert data["value"] == pytest.approx(float(told.value([0.4, 0.0])))
    assert [price["row"] for price in data["prices"]] == data["active"]
    assert all(price["unit"] == "N m" and price["unique"] for price in data["prices"])
    assert data["facets"][0]["change"] == "limit released"
    assert set(data["facets"][0]["move"]) == {"angle", "rate"}
    assert data["beyond"] == explanation.beyond


@given(angle=st.floats(-2, 2), rate=st.floats(-8, 8))
def test_every_point_has_words_and_numbers_that_agree(angle, rate, told):
    explanation = told.explain([angle, rate])
    data = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
    assert data["inside"] == bool(told.nearest([angle, rate])[2])
    assert str(explanation).startswith(f"at angle = {angle + 0.0:.6g} rad")
    if data["inside"]:
        assert data["value"] == pytest.approx(float(told.value([angle, rate])))
        assert data["facets"][0]["distance"] == pytest.approx(data["margin"], abs=1e-10)
        rows = dict(zip(told.labels.rows, told.multipliers([angle, rate]), strict=True))
        assert all(p["low"] - 1e-7 <= rows[p["row"]] <= p["high"] + 1e-7 for p in data["prices"])
    else:
        assert (data["value"], data["prices"], data["facets"]) == (None, [], [])


def test_outside_the_nearest_region_is_explained_and_said_so(pendulum):
    explanation = pendulum.explain([3.0, 0.0])
    assert not explanation.inside
    assert not explanation.to_dict()["inside"]
    away = -pendulum.locate([3.0, 0.0]).margin
    text = str(explanation)
    assert f"outside the domain; nearest is region {explanation.region}, {away:.3g} half widths away" in text
    assert explanation.input == pytest.approx(pendulum.nearest([3.0, 0.0])[0])
    assert text.endswith("cost: not known (theta lies outside the domain)")


def test_a_merged_region_says_what_it_holds(pendulum_problem):
    law = solve_explicit(pendulum_problem(state_weight=np.eye(2)))
    small = law.merged()
    assert sorted(i for group in small.members for i in group) == list(range(len(law.regions)))
    number = max(range(len(small.regions)), key=lambda i: len(small.members[i]))
    held = small.members[number]
    explanation = small.explain(small.regions[number].centre)
    assert explanation.to_dict()["members"] == list(held)
    assert f"(merged from regions {', '.join(map(str, held))} of the law as it was solved)" in str(explanation)
    assert "cost: not known (the law holds no problem; ask the law as it was solved)" in str(explanation)
    for i in held:
        assert small.locate(law.regions[i].centre).region == number
    assert small.merged().members == small.members


def test_a_partial_law_says_so(pendulum_problem):
    law = solve_explicit(pendulum_problem(), limits=Limits(regions=1))
    explanation = law.explain(law.regions[0].centre)
    assert f"; the law is partial: {law.partial}" in str(explanation)
    assert explanation.to_dict()["partial"] == law.partial
    assert str(explanation).endswith("behind it: no region that is known")


def test_prices_that_cannot_be_had_are_said_to_be_missing(told, monkeypatch):
    def nothing(*arguments):
        raise NumericalError("z is no minimiser")

    monkeypatch.setattr(worth, "prices_at", nothing)
    explanation = told.explain([0.4, 0.0])
    assert explanation.worth.prices == ()
    assert "prices: not known (z is no minimiser)" in str(explanation).splitlines()
    assert explanation.worth.value == pytest.approx(float(told.value([0.4, 0.0])))


def test_on_a_facet_the_change_is_at_once(told):
    start = told.explain([0.05, 0.0])
    facet = start.facets[0]
    on_it = start.theta + facet.distance * facet.direction
    words = told.explain(on_it)
    assert words.place == f"region {words.region}, on its border"
    assert words.nearest_change.startswith("at once: ")
    assert not start.nearest_change.startswith("at once")


@pytest.mark.filterwarnings("error")
def test_a_point_beyond_all_numbers_is_named(law):
    with pytest.raises(ProblemError, match=r"`theta` holds 1e\+308 at \[0\]"):
        law.explain([1e308, *[0.0] * (law.t - 1)])
