import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mpc.explicit.errors import ProblemError
from mpc.safety.nearest_input import NearestInput
from yann import NetworkError, SafetyFilter

SEEDS = st.integers(0, 2**32 - 1)


def drawn(safe, count, seed=0, reach=1.0, wants=4.0):
    generator = np.random.default_rng(seed)
    x = generator.uniform(-reach, reach, (count, safe.set.n))
    return x, generator.uniform(-wants, wants, (count, safe.set.m))


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, inputs=st.integers(1, 2), sines=st.booleans())
def test_it_is_the_projection(make_set, nearest_input, seed, inputs, sines):
    generator = np.random.default_rng(seed)
    X, U = generator.normal(size=(5, 2)), generator.normal(size=(5, inputs))
    turned = generator.normal(size=(1, 2)) if sines and inputs == 1 else None
    safe = SafetyFilter(make_set(X, U, sines=turned, bounds=3.0))
    x, wanted = drawn(safe, 20, seed)
    x[:8] = np.sign(x[:8]) * np.tile([[1.0, 1.0], [1.0, 0.3]], (4, 1))  # corners of the set and points of its sides
    expected = [nearest_input(safe.set, *pair) for pair in zip(x, wanted, strict=True)]
    assert np.abs(safe(x, wanted) - expected).max() <= 1e-9


def test_as_layers_it_is_the_same(safe):
    x, wanted = drawn(safe, 3000, reach=1.3)
    expected = safe(x, wanted)
    found = safe(torch.tensor(x), torch.tensor(wanted))
    assert isinstance(found, torch.Tensor)
    assert np.abs(found.numpy() - expected).max() <= 1e-12


def test_what_keeps_all_rows_passes_to_the_last_bit(safe):
    x, wanted = drawn(safe, 3000, wants=2.9)
    keeps = (safe.set.rows.slack(x, wanted) >= 1e-12).all(axis=1)
    assert 100 < keeps.sum() < len(x)
    for found in (safe(x, wanted), safe(torch.tensor(x), torch.tensor(wanted)).numpy()):
        assert np.array_equal(found[keeps], wanted[keeps])
        assert not (found[~keeps] == wanted[~keeps]).all(axis=1).any()


def test_what_it_gives_keeps_all_rows_from_the_whole_set(safe):
    x, wanted = drawn(safe, 3000, wants=100.0)
    given = safe(x, wanted)
    assert safe.set.rows.slack(x, given).min() >= -1e-12
    lower, upper = safe.set.input_bounds
    assert (given >= lower).all()
    assert (given <= upper).all()


def test_filtering_twice_changes_nothing_more(safe):
    x, wanted = drawn(safe, 1000)
    once = safe(x, wanted)
    assert np.abs(safe(x, once) - once).max() <= 1e-12


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_becomes_the_safe_one(safe, wild):
    x, wanted = drawn(safe, 50)
    wanted[::2, -1] = wild
    backup = np.broadcast_to(safe.set.backup, wanted.shape)
    expected = np.where(np.isfinite(wanted).all(axis=1, keepdims=True), safe(x, wanted), safe(x, backup))
    for found in (safe(x, wanted), safe(torch.tensor(x), torch.tensor(wanted)).numpy()):
        assert np.abs(found - expected).max() <= 1e-12


def test_outside_the_set_it_stays_within_the_bounds_and_says_so(safe):
    x, wanted = drawn(safe, 500, reach=50.0)
    outside = (np.abs(x) > 1).any(axis=1)
    assert np.array_equal(safe.contains(x), ~outside)
    for found in (safe(x, wanted), safe(torch.tensor(x), torch.tensor(wanted)).numpy()):
        assert np.isfinite(found).all()
        assert (np.abs(found) <= 3.0).all()


def test_rows_that_contradict_one_another_are_met_halfway(make_set):
    safe = SafetyFilter(make_set([[1.0], [1.0]], [[1.0], [-1.0]], room=0.0, bounds=5.0))
    # u <= 1 - x and u >= x - 1: from x = 1 on they contradict one another, about 0
    assert safe([3.0], [4.0]) == 0.0
    assert safe(torch.tensor([3.0]), torch.tensor([4.0])).item() == 0.0


def test_shapes_and_kinds_come_back(safe):
    n, m = safe.set.n, safe.set.m
    assert safe(np.zeros(n), np.zeros(m)).shape == (m,)
    assert safe(np.zeros((4, 3, n)), np.zeros((4, 3, m))).shape == (4, 3, m)
    assert safe(np.zeros((4, 3, n)), np.zeros(m)).shape == (4, 3, m)
    assert safe(np.zeros(n), np.zeros((5, m))).shape == (5, m)
    assert safe(torch.zeros(4, 3, n), torch.zeros(m)).shape == (4, 3, m)
    assert safe([0.0] * n, torch.zeros(5, m)).shape == (5, m)
    assert isinstance(safe(np.zeros(n), np.zeros(m)), np.ndarray)
    assert safe.contains(np.zeros((4, 3, n))).shape == (4, 3)
    assert bool(safe.contains(np.zeros(n))) is True
    assert safe.contains(torch.zeros(4, n)).dtype == torch.bool
    assert not safe.contains(torch.full((n,), 1.1))


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_the_derivative_is_the_true_one(one_input, two_inputs, seed):
    for safe in (one_input, two_inputs):
        x, wanted = (torch.tensor(part[:1], requires_grad=True) for part in drawn(safe, 1, seed))
        safe(x, wanted).sum().backward()
        for point, other, first in ((x, wanted, True), (wanted, x, False)):
            for i in range(point.shape[1]):
                step = torch.zeros_like(point)
                step[0, i] = 1e-7
                ends = [
                    safe(*((point + sign * step, other) if first else (other, point + sign * step))).sum().item()
                    for sign in (1, -1)
                ]
                secant = (ends[0] - ends[1]) / 2e-7
                middle = safe(*((point, other) if first else (other, point))).sum().item()
                kink = abs(ends[0] + ends[1] - 2 * middle) > 1e-10
                assert kink or abs(point.grad[0, i].item() - secant) < 1e-5


def test_by_the_input_the_derivative_is_one_or_zero(one_input):
    x, wanted = (torch.tensor(part, requires_grad=True) for part in drawn(one_input, 500))
    given = one_input(x, wanted)
    given.sum().backward()
    passes = (given == wanted).detach()
    assert torch.equal(wanted.grad, passes.double())
    assert passes.any()
    assert not passes.all()


def test_nothing_of_it_trains_and_copies_are_itself(safe):
    assert not list(safe.parameters())
    assert copy.deepcopy(safe) is safe


def test_an_explanation_names_limit_distance_and_change(make_set):
    safe = SafetyFilter(make_set([[1.0, 0.0], [-1.0, 0.0]], [[1.0], [-1.0]], room=0.25, bounds=3.0, backup=0.5))
    # u <= 1.25 - x and u >= -1.25 - x
    told = safe.explain([0.95, 0.0], [2.0])
    assert "input_0 at most 0.3 N: side 0 is 0.05 m from its limit" in str(told)
    assert "input_0 2 N becomes 0.3 N" in str(told)
    assert "input_0 at least -2.2 N: side 1 is 1 m from its limit" in str(told)
    assert "0.1 N passes as it is" in str(safe.explain([0.95, 0.0], [0.1]))
    assert "becomes 0.3" in str(safe.explain([0.95, 0.0], [np.nan]))
    outside = str(safe.explain([1.5, 0.0]))
    assert outside.startswith("outside the safe set, so nothing is guaranteed: side 0 is 0.5 m beyond")
    assert told.to_dict()["given"] == [pytest.approx(0.3)]
    assert told.to_dict()["inside"] is True
    assert safe.explain([0.0, 0.0], [np.nan]).to_dict()["wanted"] == [None]
    far = SafetyFilter(make_set([[1.0, 0.0]], [[1.0]], room=9.0, bounds=3.0))
    assert "any input within its bounds" in str(far.explain([0.0, 0.0]))


def test_an_explanation_of_several_inputs_names_the_rows_that_hold(two_inputs):
    x, wanted = drawn(two_inputs, 200)
    held = (np.abs(two_inputs(x, wanted) - np.clip(wanted, -3, 3)) > 0).any(axis=1)
    told = str(two_inputs.explain(x[held][0], wanted[held][0]))
    assert "input_0 and input_1 held: side" in told
    assert "becomes" in told


@pytest.mark.parametrize(
    ("x", "u", "words"),
    [
        ([0.0], [0.0], "`x` has shape (1,), but its last axis must be 2 long (state_0, state_1)"),
        ([0.0, 0.0], [0.0, 0.0, 0.0], "`u` has shape (3,), but its last axis must be"),
        ([np.nan, 0.0], [0.0], "`x`"),
        ([0.0, np.inf], [0.0], "`x`"),
        ("ab", [0.0], "`x`"),
        ([0.0, 0.0], "much", "`u` is 'much'"),
        ([0.0, 0.0], None, "`u`"),
        (np.zeros((3, 2)), np.zeros((4, 1)), "(3, 2)"),
        (torch.zeros(3, 2), torch.zeros(4, 1), "(3, 2)"),
        (torch.zeros(3, 1), torch.zeros(3, 1), "`x` has shape (3, 1)"),
        (torch.tensor([torch.nan, 0.0]), torch.zeros(1), "`x`"),
    ],
)
def test_bad_arguments_are_named(one_input, x, u, words):
    with pytest.raises(NetworkError) as error:
        one_input(x, u)
    assert words in str(error.value)


def test_what_is_no_safe_set_is_refused():
    with pytest.raises(NetworkError, match="`safe` is a str, but a SafeSet is needed; pass safe_set"):
        SafetyFilter("reactor")


def test_sines_go_with_one_input_only(make_set):
    safe = make_set(np.ones((1, 2)), np.ones((1, 2)), sines=np.ones((2, 2)))
    with pytest.raises(ProblemError, match="2 inputs and sines"):
        NearestInput.of(safe)


@settings(deadline=None, max_examples=30)
@given(
    x=arrays(float, (4, 2), elements=st.floats(allow_nan=False, allow_infinity=False)),
    u=arrays(float, (4, 2), elements=st.floats()),
)
def test_no_finite_state_and_no_wanted_input_gives_anything_but_numbers_within_bounds(one_input, two_inputs, x, u):
    for safe in (one_input, two_inputs):
        wanted = u[:, : safe.set.m]
        assert (np.abs(safe(x, wanted)) <= 3.0).all()
        assert (safe(torch.tensor(x), torch.tensor(wanted)).abs() <= 3.0).all()
