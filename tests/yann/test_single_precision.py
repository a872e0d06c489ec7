"""The float32 copy stays within its stated bounds wherever one looks for worse, and other regions within the zone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.scan import scan
from yann import (
    AsPrinted,
    Continuous,
    NetworkError,
    PerMove,
    PerRegion,
    Shared,
    TrainableLaw,
    YannActor,
    YannCritic,
    single_precision,
)
from yann.export_c_design import Design
from yann.export_c_form import FLOAT, NEAREST
from yann.export_c_tables import Tables
from yann.law_error import law_error
from yann.overlap import overlap
from yann.probes import probe
from yann.widened import widened

FOLDER = Path(__file__).parents[1] / "data" / "mpqp"
STORED = ["deg_badscale", "dint_N4", "dint_soft_N4", "mplp_inf_N2", "pend_N4", "quadtank_N2", "rand_x3u2_N2"]
FORMS = [
    (PerRegion(8), None),
    (Shared(8), 0.5),
    (AsPrinted(8), None),
    (PerMove(8), 0.1),
    (TrainableLaw(), None),
    (Continuous(PerRegion(8)), None),
]


def stored(name):
    """The law of a stored problem, its inputs bounded beyond what they are on the domain."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
        law = solve_explicit(MultiparametricQP(*arrays, equality_rows=tuple(data["eq_idx"].tolist())))
    inputs = law(np.stack([region.centre for region in law.regions]))
    room = 1 + 4 * np.ptp(inputs, axis=0)
    return replace(law, input_bounds=(inputs.min(axis=0) - room, inputs.max(axis=0) + room))


def hard_states(law, rounds=3):
    """Float32 states of the domain: random, on facets and vertices, and steps of single digits around those."""
    found = probe(law, 500, np.random.default_rng(0)).points
    at = np.concatenate([points[:: 1 + len(points) // 1500] for points in found.values()]).astype(np.float32)
    steps = np.random.default_rng(1).integers(-2, 3, (rounds, *at.shape)).astype(np.float32)
    moved = at + steps * np.spacing(np.abs(at) + np.float32(1e-30))
    both = np.concatenate([at, moved.reshape(-1, law.t)])
    return both[np.asarray(law.locate(both.astype(np.float64)).margin) >= -TOLERANCE]


def errors(copied, actor, states):
    """How far the copy is off (n, m) at float32 states, and where it has the actor's region."""
    inputs, region, valid = copied.actor.evaluate(states)
    assert inputs.dtype == np.float32
    assert valid.all()
    wanted, home, _ = actor.evaluate(states.astype(np.float64))
    return np.abs(inputs - wanted), region == home


def test_the_bound_holds_and_is_sharp_for_laws_of_every_shape(law):
    actor = YannActor.from_law(law)
    copied, states = single_precision(actor), hard_states(law)
    off, same = errors(copied, actor, states)
    assert (off <= copied.rounding + copied.facets).all()
    assert (off[same] <= copied.rounding + copied.residual).all()
    assert not copied.step.any()
    assert copied.relative_error_bound < 5e-5


@pytest.mark.parametrize("name", ["pendulum", "reactor"])
def test_the_bound_of_the_papers_laws_is_no_hundred_times_what_is_found(name, laws):
    actor = YannActor.from_law(laws[name])
    tables = Tables(Design.of(laws[name]), FLOAT, NEAREST)
    off, _ = errors(single_precision(actor), actor, hard_states(laws[name]))
    assert off.max(axis=0) < law_error(tables).total < 100 * off.max(axis=0)


@pytest.mark.parametrize("name", STORED)
def test_the_bound_holds_for_stored_laws(name):
    law = stored(name)
    actor = YannActor.from_law(law, residual=Shared(4))
    copied = single_precision(actor)
    off, same = errors(copied, actor, hard_states(law, rounds=1))
    assert (off <= copied.rounding + copied.facets).all()
    assert (off[same] <= copied.rounding + copied.residual).all()


@pytest.mark.parametrize(("residual", "bound"), FORMS)
@pytest.mark.parametrize("name", ["pendulum", "two inputs", "far"])
def test_trained_residuals_stay_within_their_parts_of_the_bound(name, residual, bound, laws, shake):
    law = laws[name]
    actor = shake(YannActor.from_law(law, residual=residual, bound=bound))
    copied = single_precision(actor)
    off, same = errors(copied, actor, hard_states(law))
    assert (off <= copied.error_bound).all()
    assert (off[same] <= copied.rounding + copied.residual).all()
    if isinstance(residual, Continuous):
        assert (copied.error_bound < 1e-2 * (law.input_bounds[1] - law.input_bounds[0])).all()
    elif name == "pendulum":
        assert (off[~same] > copied.rounding + copied.residual + copied.facets).any()  # the step is really there


def test_a_newborn_shared_or_paired_residual_has_no_step(laws):
    for residual in (PerRegion(8), Shared(8), PerMove(8), TrainableLaw()):
        assert not single_precision(YannActor.from_law(laws["two inputs"], residual=residual)).step.any()


def test_a_law_with_a_step_is_bounded_by_its_step(pendulum):
    """Lower one region's input by 0.25 and the bound grows by that, no more."""
    pieces = [replace(r, offset=r.offset - 0.25) if i == 3 else r for i, r in enumerate(pendulum.regions)]
    stepped = replace(pendulum, regions=tuple(pieces))
    actor = YannActor.from_law(stepped)
    copied = single_precision(actor)
    off, same = errors(copied, actor, hard_states(stepped))
    assert 0.2 < off[~same].max() <= copied.error_bound[0] < 0.2502
    assert (off[same] <= copied.rounding).all()


def test_regions_differ_only_within_the_zone(law):
    actor = YannActor.from_law(law)
    copied, states = single_precision(actor), hard_states(law)
    region = copied.actor.evaluate(states)[1]
    A, b, _ = law.halfspaces
    violation = np.maximum.reduceat(states.astype(np.float64) @ A.T - b, Design.of(law).starts[:-1], axis=1)
    chosen = violation[np.arange(len(states)), region]
    assert chosen.max() <= copied.zone < 3e-6
    assert np.sum(chosen > 0.01 * copied.zone) > 5 or law.t == 1 or len(law.regions) < 6
    np.testing.assert_array_equal(copied.zone_widths, copied.zone * law.half_width)


def test_the_region_is_that_of_least_violation_in_float32(pendulum):
    copied, tables = single_precision(YannActor.from_law(pendulum)), Tables(Design.of(pendulum), FLOAT, NEAREST)
    states = hard_states(pendulum)
    rows, d = tables.rows.astype(np.float32), states - tables.shift.astype(np.float32)
    wanted, margin = scan(np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy(), tables.design.starts, d)
    violation = np.maximum.reduceat(d @ rows[:, :-1].T - rows[:, -1], tables.design.starts[:-1], axis=1)
    chosen = violation[np.arange(len(states)), copied.actor.evaluate(states)[1]]
    assert (chosen <= np.maximum(-margin, TOLERANCE) + 1e-7).all()
    assert (wanted == copied.actor.evaluate(states)[1]).mean() > 0.9  # the others: two hold the state, to 1e-11


def test_weights_of_any_kind_bound_the_difference_of_two_pieces(laws):
    law = laws["two inputs"]
    tables = Tables(Design.of(law), FLOAT, NEAREST)
    regions = law_error(tables).regions
    generator = np.random.default_rng(0)
    for i, k in regions.pairs[:20]:
        place = overlap(regions, i, k)
        mixed = generator.dirichlet(np.ones(len(regions.hull(i))), 200) @ regions.hull(i)
        inside = mixed[(mixed @ place.rows.T <= place.room + place.rows @ place.point).all(axis=1)]
        for _ in range(5):
            slope, weights = generator.normal(size=law.t), generator.uniform(0, 1, len(place.rows))
            reached = ((inside - place.point) @ slope).max(initial=-np.inf)
            for tried in (weights, place.fitted(slope, 0.0), place.best(slope, 0.0), place.none(slope, 0.0)):
                assert reached <= place.bound(slope, 0.0, tried) + 1e-12


def test_hulls_hold_their_widened_regions_enumerated_or_not(monkeypatch, laws):
    law = laws["two inputs"]
    tables = Tables(Design.of(law), FLOAT, NEAREST)
    exact = law_error(tables)
    monkeypatch.setattr("yann.widened.SUBSETS", 0)
    loose = law_error(tables)
    assert len(loose.regions.pairs) >= len(exact.regions.pairs)
    assert (loose.total >= exact.total - 1e-15).all()
    assert (loose.total < 1e-3).all()
    square = widened(
        np.concatenate([np.eye(2), -np.eye(2)]), np.ones(4), np.full(4, 0.5), np.array([0, 4]),
        (np.zeros((1, 2)), np.ones(1)), np.full(2, 2.0),
    )  # fmt: skip
    np.testing.assert_array_equal(square.upper, np.full((1, 2), 4.0))  # of the box, as SUBSETS is 0


def test_stacks_rows_tensors_and_members(laws, shake):
    law = laws["two inputs"]
    actor = shake(YannActor.from_law(law, residual=Shared(8), bound=0.2).replicate(range(3)))
    copied = single_precision(actor)
    states = np.stack([hard_states(law)[:50]] * 3)
    inputs, region, _ = copied.actor.evaluate(states)
    rows = copied.actor.rows(torch.tensor(states))
    assert rows.dtype == torch.float32
    np.testing.assert_array_equal(rows.numpy(), inputs)
    np.testing.assert_array_equal(copied.actor(states), inputs)
    assert copied.actor(torch.tensor(states)).dtype == torch.float32
    assert (np.abs(inputs - actor(states.astype(np.float64))) <= copied.error_bound).all()
    one = copied.actor.member(1)
    np.testing.assert_array_equal(one.evaluate(states[1])[0], inputs[1])
    np.testing.assert_array_equal(one.evaluate(states[1])[1], region[1])
    worst = max(single_precision(actor.member(i)).error_bound[0] for i in range(3))
    assert copied.error_bound[0] == worst
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in copied.actor.parameters())
    assert all(p.dtype == torch.float64 for p in actor.parameters())


def test_what_lies_outside_is_flagged_and_finite(law):
    actor = YannActor.from_law(law)
    copied = single_precision(actor).actor
    around = law.centre + np.random.default_rng(0).uniform(-3, 3, (300, law.t)) * law.half_width
    margin = np.asarray(law.locate(around).margin)
    clear = np.abs(margin) > 1e-4
    inputs, _, valid = copied.evaluate(around)
    np.testing.assert_array_equal(valid[clear], margin[clear] >= 0)
    far, _, flags = copied.evaluate(np.array([[1e300] * law.t, [-3e38] * law.t, [1e30] * law.t]))
    assert not flags.any()
    for found in (inputs, far):
        assert ((found >= law.input_bounds[0]) & (found <= law.input_bounds[1])).all()


def test_the_copy_of_a_saved_actor_is_the_same(pendulum, shake, tmp_path):
    actor = shake(YannActor.from_law(pendulum, hidden=8))
    actor.save(tmp_path / "actor.npz")
    first, again = single_precision(actor), single_precision(YannActor.load(tmp_path / "actor.npz"))
    states = hard_states(pendulum)
    np.testing.assert_array_equal(first.actor(states), again.actor(states))
    assert first.error_bound == again.error_bound


def test_words_and_refusals(pendulum):
    actor = YannActor.from_law(pendulum, hidden=8)
    copied = single_precision(actor)
    assert str(copied).startswith(f"float32: {copied.relative_error_bound:.2g} of the input range\ntorque: at most")
    assert "facets move by at most 1e-06 half widths" in str(copied)
    with pytest.raises(NetworkError, match=r"cast to torch.float32, but a YannActor .* single_precision\(actor\)"):
        actor.float()([0.1, 0.0])
    with pytest.raises(
        NetworkError,
        match=r"`actor` is a PiecewiseAffineLaw, but a YannActor is needed; pass what YannActor.from_law returns",
    ):
        single_precision(pendulum)
    with pytest.raises(NetworkError, match="neither drawn, replicated nor trained"):
        copied.actor.replicate([0, 1])
    with pytest.raises(NetworkError, match="`state` is NaN"):
        copied.actor([np.nan, 0.0])
    huge = YannActor.from_law(pendulum, hidden=8)
    huge.residual.inner.data[:] = 1e39
    with pytest.raises(NetworkError, match="but float ends at"):
        single_precision(huge)


def test_a_critic_that_was_cast_is_refused_in_words(problems):
    critic = YannCritic.from_problem(problems["pendulum"](1.0)).float()
    with pytest.raises(NetworkError, match=r"was cast to torch\.float32, but a YannCritic computes in"):
        critic([0.1, 0.0], [0.0])
