"""The front door: which construction a plant gets, what is remembered, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import Linearised, NoSafeSet, ProblemError, SafeSet, Sector, StoredHeat, safe_set
from mpc.safety import construct, stored_heat
from mpc.safety.heat_settings import NOMINAL
from mpc.safety.shipped import shipped
from plants import Plant, QuadraticCost, clipped_pendulum, safety_cstr, with_constants
from plants.errors import PlantError


@pytest.fixture
def no_design(monkeypatch):
    """Drawing a reactor's set anew fails."""

    def fail(*_):
        raise AssertionError("designed anew")

    monkeypatch.setattr(stored_heat, "design", fail)
    monkeypatch.setattr(construct, "_made", {})


@pytest.mark.parametrize("name", ["readable", "nominal", "robust"])
def test_presets_come_with_the_package(no_design, reactor, reactor_presets, reactor_files, name):
    safe = safe_set(reactor, design=reactor_presets[name])
    assert isinstance(safe, SafeSet)
    assert safe.certificate.document["content"]["facets"] == safe.certificate.content["facets"]
    assert f'"sha256": "{safe.certificate.document["sha256"]}"' in reactor_files[name].read_text()


def test_the_usual_design_is_the_nominal_one(reactor):
    assert safe_set(reactor) is safe_set(reactor, design=NOMINAL)
    assert safe_set(reactor) is safe_set(reactor, limits=([None] * 4, [None, None, None, 480]))


def test_what_comes_along_is_what_a_design_gives(reactor, reactor_presets):
    fresh = stored_heat.design(reactor, reactor.safe_limits, reactor_presets["readable"])
    known = safe_set(reactor, design=reactor_presets["readable"])
    np.testing.assert_allclose(fresh.A, known.A, rtol=1e-6)
    np.testing.assert_allclose(fresh.b, known.b, rtol=1e-6)
    np.testing.assert_allclose(fresh.rows.h, known.rows.h, rtol=1e-6)


def test_a_set_is_made_once_for_equal_plants(reactor, quick_heat):
    safe = safe_set(reactor, design=quick_heat)
    assert safe_set(safety_cstr(), design=replace(quick_heat)) is safe
    assert safe_set(reactor, design=replace(quick_heat, inlet=1.1)) is not safe
    assert safe_set(reactor, ([None] * 4, [None, None, None, 479.5]), quick_heat) is not safe
    assert safe_set(with_constants(reactor, feed_temperature=452.0), design=quick_heat) is not safe
    renamed = replace(reactor, state_names=("a", "b", "s", "T"), start_filter=None)
    assert safe_set(renamed, design=quick_heat).state_names == ("a", "b", "s", "T")


def test_only_so_many_sets_are_remembered(reactor, quick_heat, monkeypatch):
    monkeypatch.setattr(construct, "_made", {})
    monkeypatch.setattr(construct, "REMEMBERED", 2)
    made = [safe_set(reactor, design=replace(quick_heat, inlet=inlet)) for inlet in (1.0, 1.2, 1.4)]
    assert safe_set(reactor, design=replace(quick_heat, inlet=1.4)) is made[2]
    assert safe_set(reactor, design=replace(quick_heat, inlet=1.0)) is not made[0]


def test_facts_that_differ_are_not_those_of_a_shipped_set(reactor):
    assert shipped("stored heat of a reactor", {"limit": 480.0}) is not None
    assert shipped("stored heat of a reactor", {"limit": 481.0}) is None
    assert shipped("stored heat of a reactor", {"unknown": 1}) is None
    assert shipped("another kind", {}) is None


def test_a_shipped_set_keeps_no_limits_that_its_construction_refuses(no_design, reactor):
    with pytest.raises(ProblemError, match="leave that limit out"):
        safe_set(reactor, limits=([None, None, None, 470], [None, None, None, 480]))


def test_pendulums_get_their_own_construction():
    safe = safe_set(clipped_pendulum(), limits=([-0.6, -4], [0.6, 4]))
    assert safe.certificate.kind == "pendulum"
    assert safe.certificate.verify().worst_slack < 0


def test_any_other_plant_gets_the_linear_construction():
    cart = Plant(
        name="cart",
        derivative=lambda x, u: (x[1], u[0]),
        state_names=("position", "rate"),
        state_units=("m", "m/s"),
        input_names=("push",),
        input_units=("m/s2",),
        state_bounds=([-1, -1], [1, 1]),
        input_bounds=([-1], [1]),
        equilibrium=([0, 0], [0]),
        sample_time=0.1,
        cost=QuadraticCost(np.eye(2), 0.1, [0, 0], [0]),
        start_bounds=([-0.1, -0.1], [0.1, 0.1]),
    )
    safe = safe_set(cart, limits=([-1, -1], [1, 1]), design=Linearised(disturbance=(0.0, 0.01)))
    assert safe.certificate.kind == "linear"
    assert safe.certificate.verify().worst_slack < 0
    with pytest.raises(ProblemError, match="for 'cart' Linearised is needed"):
        safe_set(cart, limits=([-1, -1], [1, 1]), design=StoredHeat())


def test_a_plant_without_limits_is_told_how_to_give_them(reactor):
    bare = replace(reactor, safe_limits=None, start_filter=None)
    with pytest.raises(ProblemError, match=r"has no `safe_limits`; pass limits=\(lower, upper\) .* concentration_a, "):
        safe_set(bare)
    assert safe_set(bare, limits=([None] * 4, [None, None, None, 480])).b[0] == pytest.approx(479.999)


@pytest.mark.parametrize("limits", [([None] * 3, [None] * 4), ([None] * 4, [None, None, None, float("nan")]), 480])
def test_limits_that_are_none_are_refused(reactor, limits):
    with pytest.raises(PlantError, match="limits"):
        safe_set(reactor, limits=limits)


def test_designs_for_other_plants_are_refused(reactor):
    with pytest.raises(ProblemError, match=r"`design` is Sector .* for 'safety-critical CSTR' .*StoredHeat.* needed"):
        safe_set(reactor, design=Sector())
    with pytest.raises(ProblemError, match="`design` is str 'robust'"):
        safe_set(reactor, design="robust")
    with pytest.raises(ProblemError, match="`plant`"):
        safe_set("reactor")


def test_no_set_is_no_set(reactor):
    with pytest.raises(NoSafeSet):
        safe_set(reactor, design=StoredHeat(effectiveness=0.1))


def test_sets_are_remembered_by_what_equations_do_not_by_their_name():
    speed = {"K": 0.5}

    def flow(x, u):
        return (speed["K"] * x[0] + 0.4 * u[0],)

    def plant(**equations):
        return Plant(
            name="tank", state_names=("level",), state_units=("m",), input_names=("flow",), input_units=("m",),
            state_bounds=([-2], [2]), input_bounds=([-1], [1]), equilibrium=([0], [0]), sample_time=1.0,
            cost=QuadraticCost(1.0, 0.1, [0], [0]), start_bounds=([-1], [1]), **equations,
        )  # fmt: skip

    limits = ([-1], [1])
    first = safe_set(plant(update=flow), limits)
    assert safe_set(plant(update=flow), limits) is first
    assert safe_set(plant(derivative=flow), limits) is not first
    speed["K"] = 1.3
    other = safe_set(plant(update=flow), limits)
    assert other is not first
    assert first.b.max() > 0.9
    corner = other.polyhedron.vertices().max()
    assert 1.3 * corner - 0.4 <= 1.0
