import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plants import clipped_pendulum
from rl import TrainingError, plain_actor, plain_critic

PENDULUM = clipped_pendulum()
ACTOR, CRITIC = plain_actor(PENDULUM), plain_critic(PENDULUM)
angles = st.floats(-3.0, 3.0)
rates = st.floats(-8.0, 8.0)
torques = st.floats(-2.0, 2.0)


def count(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.paper
def test_sizes_at_256_are_those_that_the_paper_prints():
    assert count(plain_actor(PENDULUM, (256, 256))) == 67_073
    assert count(plain_critic(PENDULUM, (256, 256))) == 67_329


@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_a_point_and_a_batch_give_the_same(lead):
    generator = np.random.default_rng(1)
    x, u = generator.uniform(-2, 2, (*lead, 2)), generator.uniform(-2, 2, (*lead, 1))
    inputs, costs = ACTOR(x), CRITIC(x, u)
    assert inputs.shape == (*lead, 1)
    assert costs.shape == lead
    first = (0,) * len(lead)
    assert inputs[first] == pytest.approx(ACTOR(x[first]), abs=1e-14)
    assert costs[first] == pytest.approx(CRITIC(x[first], u[first]), abs=1e-14)


@given(angles, rates)
def test_an_angle_and_the_same_angle_a_turn_later_are_one_state(angle, rate):
    assert ACTOR([angle, rate]) == pytest.approx(ACTOR([angle + 2 * np.pi, rate]), abs=1e-12)


@given(angles, rates)
def test_features_are_cos_sin_and_the_share_of_the_bound(angle, rate):
    x = torch.tensor([[[angle, rate]]], dtype=torch.float64)
    assert ACTOR.features(x)[0, 0].tolist() == pytest.approx([np.cos(angle), np.sin(angle), rate / 8])


@given(angles, rates, torques)
def test_the_network_is_the_perceptron_that_numpy_computes(angle, rate, torque):
    weights = [(layer.weight[0].detach().numpy(), layer.bias[0].detach().numpy()) for layer in CRITIC.net.layers]
    value = np.array([np.cos(angle), np.sin(angle), rate / 8, torque / 2])
    for W, b in weights[:-1]:
        value = np.maximum(W @ value + b, 0)
    assert CRITIC([angle, rate], [torque]) == pytest.approx((weights[-1][0] @ value + weights[-1][1])[0], abs=1e-12)


@pytest.mark.parametrize("bias", [-1e3, 1e3])
def test_the_largest_inputs_are_the_bounds_of_an_uneven_range(drift, bias):
    plant = drift(input_bounds=([-0.1], [0.7]))
    actor = plain_actor(plant)
    actor.net.layers[-1].bias.data[:] = bias
    assert plant.input_bounds[0] <= actor([0.3]) <= plant.input_bounds[1]
    assert actor([0.3]) == pytest.approx(plant.input_bounds[int(bias > 0)])


def test_the_middle_of_the_range_is_where_the_perceptron_says_zero(drift):
    actor = plain_actor(drift(input_bounds=([-0.1], [0.7])))
    for parameter in actor.net.layers[-1].parameters():
        parameter.data[:] = 0
    assert actor([0.3]) == pytest.approx([0.3])


def test_a_plant_whose_states_all_turn_needs_no_scaling(drift):
    plant = drift(state_units=["rad"], angles=("level",), start_bounds=([0.1], [0.2]))
    assert plain_actor(plant).features.width == 2
    assert plain_actor(plant)([0.1]).shape == (1,)


def test_members_are_drawn_from_their_seeds_whatever_the_others_are():
    pair, other = ACTOR.replicate([3, 8]), ACTOR.replicate([8, 5, 1])
    for mine, theirs in zip(pair.member(1).parameters(), other.member(0).parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("make", [plain_actor, plain_critic])
@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        ((), r"`hidden` is \(\), but at least one layer"),
        (64, "`hidden` is 64"),
        ("64", "`hidden` is '64'"),
        ((64, 0), r"`hidden\[1\]` is 0, but it must be at least 1"),
        ((64, 2.5), r"`hidden\[1\]` is 2.5"),
        (
            (10**6, 10**6),
            r"`hidden` = \(1000000, 1000000\) asks for 1000002000000 numbers, above the limit of 100000000",
        ),
        ((10**12,), r"`hidden` = \(1000000000000,\) .*make the layers narrower"),
    ],
)
def test_bad_widths_are_refused(make, hidden, words):
    with pytest.raises(TrainingError, match=words):
        make(PENDULUM, hidden)


def test_a_state_without_bounds_is_named(drift):
    plant = drift(state_bounds=([None], [2]))
    with pytest.raises(TrainingError, match=r"`state_bounds` of level are \[-inf, 2\].*two finite ones"):
        plain_actor(plant)
