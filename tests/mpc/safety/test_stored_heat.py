"""The reactor's safe sets: drawn as known, kept by the real plant, and refused in words where there is none."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.safety import temperature_only
from benchmarks.safety_runs import POLICIES, Disturbances, run, starts
from mpc import NoSafeSet, ProblemError, StoredHeat, safe_set
from mpc.safety.heat_check import HeatGrid, worst_cells
from mpc.safety.heat_model import HeatModel
from mpc.safety.heat_ranges import HeatRanges
from mpc.safety.max_min import MaxMin
from mpc.safety.stored_heat import design
from plants import with_constants

KNOWN = {
    "readable": [(0, 479.999), (14.35312, 481.34173)],
    "nominal": [
        (0, 479.999), (3.187154, 480.297158), (5.93202, 480.581389), (8.368187, 480.870197),
        (10.552889, 481.183811), (12.148527, 481.492646), (13.156283, 481.788473), (14.306101, 482.355966),
    ],
}  # fmt: skip
"""Slopes and levels that another program drew by the same recipe, with its own margins: it wished for up to .1 K/h."""

SHARES = {"readable": 0.996, "nominal": 1.0, "robust": 0.971}


@pytest.fixture(scope="module")
def sets(reactor, reactor_presets):
    return {name: safe_set(reactor, design=preset) for name, preset in reactor_presets.items()}


@pytest.mark.parametrize("name", KNOWN)
def test_facets_are_the_known_ones(sets, name):
    facets = np.array(sets[name].certificate.content["facets"])
    np.testing.assert_allclose(facets[:, 0], [s for s, _ in KNOWN[name]], rtol=0.012)
    np.testing.assert_allclose(facets[:, 1], [c for _, c in KNOWN[name]], atol=0.07)


def test_the_starts_of_the_study_are_inside(sets, reactor):
    drawn = reactor.sample_starts(np.random.default_rng(0), 10_000)
    for name, least in SHARES.items():
        assert sets[name].contains(drawn).mean() >= least, name


def test_full_cooling_brings_every_facet_down_on_the_border(sets, reactor):
    """What the recipe is about, asked of the plant's own equations."""
    safe = sets["nominal"]
    generator = np.random.default_rng(1)
    x = starts(safe, 4000, generator)[1::2]
    rates = reactor.derivatives(x, [110.0])
    on = np.abs(x @ safe.A[:8].T - safe.b[:8]) < 1e-9
    assert on.any(axis=0).all()
    assert (rates @ safe.A[:8].T)[on].max() < -0.0499


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["readable", "nominal", "robust"])
def test_no_policy_gets_beyond_the_limit(sets, reactor, name, policy):
    generator = np.random.default_rng(2)
    x = starts(sets[name], 120, generator)
    assert len(x) > 100
    wanted = POLICIES[policy](reactor, len(x), generator)
    for weather in Disturbances(reactor, sets[name]).weathers(len(x), generator).values():
        kept = run(sets[name], reactor, x, wanted, weather, 250)
        assert (kept.violations, kept.left) == (0, 0)
        assert kept.interventions > 0
    assert run(sets[name], reactor, x, wanted, weather, 250, filtered=False).violations > 10


@pytest.mark.parametrize("name", ["readable", "nominal", "robust"])
def test_a_filter_that_knows_the_temperature_alone_fails(sets, reactor, name):
    generator = np.random.default_rng(3)
    x = starts(sets[name], 200, generator)
    wanted = POLICIES["zero cooling"](reactor, len(x), generator)
    calm = next(iter(Disturbances(reactor, sets[name]).weathers(len(x), generator).values()))
    assert run(temperature_only(sets[name]), reactor, x, wanted, calm, 300).violations > 50


def test_disturbances_twice_as_large_break_the_robust_set(sets, reactor):
    generator = np.random.default_rng(4)
    x = starts(sets["robust"], 200, generator)
    wanted = POLICIES["zero cooling"](reactor, len(x), generator)
    wild = Disturbances(reactor, sets["robust"], doubled=True).weathers(len(x), generator)["worst"]
    assert run(sets["robust"], reactor, x, wanted, wild, 300).violations > 100


def test_the_bound_over_cells_holds_for_steps_of_the_plant(reactor, quick_heat):
    """Sampled steps and halves, quarters of steps from near the facets come close to the bound, and never pass it."""
    model = HeatModel.of(reactor, 480.0, quick_heat)
    ranges = HeatRanges.of(model)
    safe = design(reactor, reactor.safe_limits, quick_heat)
    worst, _ = worst_cells(model, ranges, np.array(safe.certificate.content["facets"]), HeatGrid(width=quick_heat.cell))
    generator = np.random.default_rng(5)
    x = starts(safe, 20_000, generator)
    count = len(safe.certificate.content["facets"])
    least = np.clip(MaxMin.of(safe).limits(x)[0], 0, 110)
    most = np.clip(MaxMin.of(safe).limits(x)[1], 0, 110)
    u = np.where(generator.random(len(x)) < 0.5, least, generator.uniform(least, np.maximum(least, most)))[:, None]
    constants = Disturbances(reactor, safe).vertices(generator.choice([-1.0, 1.0], (len(x), 5)))
    for share in (1, 2, 8):
        part = replace(reactor, sample_time=reactor.sample_time / share)
        excess = part.step_rows(x, u, constants) @ safe.A[:count].T - safe.b[:count]
        assert excess.max() <= 0
        if share == 1:
            bounds = np.array([cell.slack for cell in worst])
            assert (excess.max(axis=0) <= bounds).all()
            assert (excess.max(axis=0) > bounds - 6e-3).all()


def test_finer_cells_give_a_tighter_bound(reactor, quick_heat, quick_reactor_set):
    model = HeatModel.of(reactor, 480.0, quick_heat)
    facets = np.array(quick_reactor_set.certificate.content["facets"])
    slacks = [
        max(cell.slack for cell in worst_cells(model, HeatRanges.of(model), facets, HeatGrid(width=width))[0])
        for width in (4e-3, 2e-3, 1e-3)
    ]
    assert slacks[0] > slacks[1] > slacks[2]


def test_measurements_that_are_off_are_withstood(reactor):
    wary = StoredHeat(breaks=(), cell=2e-3, ceiling=3.0, temperature_error=0.1, concentration_error=0.004)
    safe = design(reactor, reactor.safe_limits, wary)
    assert safe.certificate.verify().worst_slack < 0
    plain = design(reactor, reactor.safe_limits, replace(wary, temperature_error=0.0, concentration_error=0.0))
    keeps = MaxMin.of(safe), MaxMin.of(plain)
    generator = np.random.default_rng(6)
    counts = []
    for keep in keeps:
        x = starts(safe, 300, generator)
        count = 0
        for _ in range(200):
            low = x - [0.004, 0, 0, 0.1]  # it seems colder, and to hold less A, than it does
            x = reactor.step_rows(x, keep.filtered(low, np.zeros((len(x), 1))))
            count += int((~safe.contains(x)).sum())
        counts.append(count)
    assert counts[0] == 0
    assert counts[1] > 100


CHANGED = {
    "warmer feed": {"feed_temperature": 457.0},
    "fouled": {"effectiveness": 0.8},
    "colder coolant": {"coolant_temperature": 360.0},
    "quicker feed": {"dilution": 0.07},
}


@pytest.mark.parametrize("name", CHANGED)
def test_reactors_with_other_constants_have_sets_of_their_own(reactor, quick_heat, name):
    changed = with_constants(reactor, **CHANGED[name])
    settled = replace(quick_heat, effectiveness=1.0)
    safe = design(changed, changed.safe_limits, settled)
    assert safe.certificate.verify().worst_slack <= -1e-5
    usual = design(reactor, reactor.safe_limits, settled)
    assert not np.allclose(safe.b[1], usual.b[1], atol=1e-3)


@pytest.mark.parametrize("change", [{"sample_time": 1 / 20}, {"input_bounds": ([5], [90])}])
def test_other_samples_and_inputs_have_sets_of_their_own(reactor, quick_heat, change):
    changed = replace(reactor, **change, start_filter=None)
    safe = design(changed, changed.safe_limits, replace(quick_heat, effectiveness=0.95))
    assert safe.certificate.verify().worst_slack <= -1e-5
    generator = np.random.default_rng(7)
    x = starts(safe, 200, generator)
    low = POLICIES["zero cooling"](changed, len(x), generator)
    kept = run(safe, changed, x, low, lambda step: np.tile(changed.constant_values, (len(x), 1)), 200)
    assert (kept.violations, kept.left) == (0, 0)


def test_a_lower_limit_has_a_set_of_its_own(reactor, quick_heat):
    limits = (np.full(4, -np.inf), np.array([np.inf, np.inf, np.inf, 477.0]))
    safe = design(reactor, limits, quick_heat)
    assert safe.b[0] == pytest.approx(477 - 1e-3)
    assert safe.certificate.verify().worst_slack <= -1e-5


@settings(max_examples=8, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "breaks": st.sampled_from([(), (0.02,)]),
            "feed": st.floats(0, 0.06),
            "inlet": st.floats(0, 6),
            "effectiveness": st.floats(0.55, 1),
            "kinetics": st.floats(0, 0.1),
            "ramp": st.floats(0.1, 0.4),
            "ceiling": st.sampled_from([3.0, 8.0]),
            "temperature_error": st.floats(0, 0.2),
            "decrease": st.floats(0.01, 0.3),
        }
    )
)
def test_whatever_is_found_is_verified(reactor, chosen):
    try:
        safe = design(reactor, reactor.safe_limits, StoredHeat(**chosen, cell=4e-3))
    except NoSafeSet:
        return
    verdict, claimed = safe.certificate.verify(), safe.certificate.content["worst"]["slack"]
    assert verdict.worst_slack == pytest.approx(claimed, abs=1e-9)
    assert verdict.worst_slack <= -1e-5


def limits_of(highest, lowest=-np.inf, most_a=np.inf):
    return np.array([-np.inf, -np.inf, -np.inf, lowest]), np.array([most_a, np.inf, np.inf, highest])


@pytest.mark.parametrize(
    ("design_", "limits", "words", "proved"),
    [
        (StoredHeat(effectiveness=0.1), limits_of(480), "takes away .* K/h at most, but feed brings", True),
        (
            StoredHeat(effectiveness=0.45),
            limits_of(480),
            "full cooling changes the temperature by|no half-plane",
            False,
        ),
        (StoredHeat(feed=0.2), limits_of(480), "may fall to -1.08 mol/L, but .* needs 0 or more", False),
        (StoredHeat(), limits_of(410), "limit of 410 K is below 418.16 K", True),
        (StoredHeat(), limits_of(500), "at 499.999 K full cooling changes the temperature by", False),
        (StoredHeat(inlet=80.0), limits_of(480), "as cold as 372.67 K, below its coolant of 373 K", False),
    ],
)
def test_where_there_is_no_set_it_says_why(reactor, design_, limits, words, proved):
    with pytest.raises(NoSafeSet, match=words) as found:
        design(reactor, limits, design_)
    assert found.value.proved is proved
    assert ("can exist" in str(found.value)) is proved
    copied = pickle.loads(pickle.dumps(found.value))
    assert (str(copied), copied.needed) == (str(found.value), found.value.needed)


@pytest.mark.parametrize("start", [0.0, 25.0, 50.0])
def test_a_reactor_that_no_set_can_hold_is_lost_to_full_cooling(reactor, start):
    """What is proved to be hopeless gets too hot under full cooling for ever, however cold it starts."""
    weak = reactor.constant_values * [0.1, 1, 1, 1, 1, 1, 1]
    x = (reactor.equilibrium[0] - [0, 0, 0, start])[None]
    for _ in range(10_000):
        x = reactor.step_rows(x, np.array([[110.0]]), weak[None])
    assert x[0, 3] > 480


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (limits_of(np.inf), "no upper limit of temperature"),
        (limits_of(480, lowest=470), r"holds temperature within \[470, 480\] K, but it may be anywhere within \[418"),
        (limits_of(480, most_a=1), r"holds concentration_a within \[-inf, 1\] mol/L, but .* \[0, 4.3\]"),
    ],
)
def test_limits_that_it_cannot_keep_are_refused(reactor, limits, words):
    with pytest.raises(ProblemError, match=words):
        design(reactor, limits)


def test_an_input_that_heats_is_refused(reactor):
    heats = replace(reactor, input_bounds=([-10], [110]), start_filter=None)
    with pytest.raises(ProblemError, match="fall to -10, but this construction needs 0 or more"):
        design(heats, reactor.safe_limits)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"breaks": (0.1, 0.05)}, "each above the one before"),
        ({"breaks": "ab"}, "pass a sequence of rising numbers"),
        ({"breaks": (-0.1,)}, "breaks"),
        ({"effectiveness": 1.1}, "`effectiveness` is 1.1, but a number from 0.001 to 1"),
        ({"feed": -0.1}, "`feed` is -0.1, but a number from 0 to 0.9"),
        ({"ramp": float("nan")}, "ramp"),
        ({"ceiling": "high"}, "ceiling"),
    ],
)
def test_settings_out_of_range_are_refused(values, words):
    with pytest.raises(ProblemError, match=words):
        StoredHeat(**values)


def test_labels_and_units_say_what_each_half_space_is(sets):
    safe = sets["readable"]
    assert safe.labels[:2] == (
        "temperature", "temperature plus 14.28 K per mol/L of concentration_a (the heat still stored in A)"
    )  # fmt: skip
    assert len(safe.labels) == len(safe.units) == len(safe.b) == 9
    assert safe.units[:3] == ("K",) * 3
    assert safe.backup.tolist() == [110.0]
    np.testing.assert_array_equal(safe.rows.guards, [0, 1])
    assert not copy.deepcopy(safe.rows.sines).any()
