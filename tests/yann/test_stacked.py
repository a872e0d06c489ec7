import warnings

import numpy as np
import pytest
import torch

from yann import NetworkError, YannActor
from yann.stacked import StackedLinear, StackedMLP, StackedNetwork, member_generator


class Double(StackedNetwork):
    """A small network of two arguments, to test the base class alone."""

    def __init__(self):
        super().__init__([("state", 2), ("input", 1)])
        self.body = StackedMLP((3, 8, 1), torch.tanh)
        self.draw([0])

    def rows(self, *points):
        return self.body(torch.cat(points, dim=-1))


def test_a_linear_layer_is_an_affine_map_of_each_member():
    layer = StackedLinear(3, 2, members=4)
    layer.draw([member_generator(seed, "x") for seed in range(4)])
    rows = torch.randn(4, 5, 3, dtype=torch.float64)
    for i in range(4):
        assert torch.allclose(layer(rows)[i], rows[i] @ layer.weight[i].T + layer.bias[i], rtol=0, atol=1e-14)
    assert layer.weight.abs().max() <= 3**-0.5


@pytest.mark.parametrize("batch", [(), (256,), (4, 8)])
def test_numpy_in_numpy_out_and_tensor_in_tensor_out(batch):
    network = Double()
    x, u = np.random.default_rng(0).normal(size=(*batch, 2)), np.ones((*batch, 1))
    result = network(x, u)
    tensor = network(torch.tensor(x), torch.tensor(u))
    assert isinstance(result, np.ndarray)
    assert result.shape == (*batch, 1)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.requires_grad
    assert np.array_equal(result, tensor.detach().numpy())


def test_float32_and_lists_are_computed_in_float64():
    network = Double()
    assert network(torch.ones(2, dtype=torch.float32), torch.ones(1)).dtype == torch.float64
    assert network([0.5, 1.0], [1.0]).dtype == np.float64


def test_read_only_arrays_pass_without_a_warning():
    x = np.ones(2)
    x.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Double()(x, np.ones(1))


def test_arrays_of_any_layout_and_byte_order_are_taken():
    network, x = Double(), np.array([[0.5, 1.0], [-1.0, 2.0]])
    wanted = network(x, np.ones((2, 1)))
    for same in (x[::-1].copy()[::-1], x.astype(">f8"), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        assert np.array_equal(network(same, np.ones((2, 1))), wanted)


@pytest.mark.parametrize("which", [0, 1])
def test_one_tensor_makes_the_result_a_tensor_and_keeps_its_gradient(which):
    points = [np.array([0.5, 1.0]), np.array([1.0])]
    points[which] = torch.tensor(points[which], requires_grad=True)
    result = Double()(*points)
    result.sum().backward()
    assert points[which].grad.abs().min() > 0


def test_layers_too_wide_for_any_machine_are_refused_before_they_are_made():
    with pytest.raises(NetworkError, match=r"a layer 1,000,000 wide .* need 8,000,000,000,000 bytes"):
        StackedMLP((2, 10**6, 10**6, 1), torch.relu)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, 2.0, 3.0], [1.0]), r"`state` has shape \(3,\), but its last axis must be 2 long"),
        (([1.0, np.nan], [1.0]), r"`state` is NaN at \[1\]"),
        (([[1.0, 2.0], [np.inf, 0.0]], [[1.0], [1.0]]), r"`state` is infinite at \[1, 0\]"),
        (([1.0, 2.0],), "takes state, input; got 1 arguments"),
        (([[1.0, 2.0]], [1.0]), r"`state` has leading shape \(1,\) but `input` \(\)"),
        ((["a", "b"], [1.0]), "`state` has dtype <U1; pass real numbers"),
        ((np.array([1j, 2.0]), [1.0]), "`state` has dtype complex128; pass real numbers"),
        ((torch.tensor([1j, 2.0]), [1.0]), "`state` has dtype torch.complex64; pass real numbers"),
        ((np.array([True, False]), [1.0]), "`state` has dtype bool; pass real numbers"),
        ((torch.tensor([True, False]), [1.0]), "`state` has dtype torch.bool; pass real numbers"),
        ((torch.tensor([1.0, torch.nan]), [1.0]), r"`state` is NaN at \[1\]"),
        ((torch.tensor([1.0, 0.0]).to_sparse(), [1.0]), r"`state` is a sparse or meta tensor; pass a dense one"),
        ((torch.zeros(2, device="meta"), [1.0]), r"`state` is a sparse or meta tensor; pass a dense one"),
        ((np.ma.masked_array([1.0, 2.0], [True, False]), [1.0]), "`state` has masked entries"),
        (([[1.0], [1.0, 2.0]], [1.0]), "`state` is ragged"),
        ((lambda: 0, [1.0]), "`state` has dtype object; pass real numbers"),
    ],
)
def test_wrong_points_are_named(arguments, words):
    with pytest.raises(NetworkError, match=words):
        Double()(*arguments)


def test_a_stack_wants_its_member_axis():
    stack = Double().replicate([1, 2, 3])
    with pytest.raises(NetworkError, match=r"3 members but the points have leading shape \(5,\)"):
        stack(np.ones((5, 2)), np.ones((5, 1)))
    assert stack(np.ones((3, 5, 2)), np.ones((3, 5, 1))).shape == (3, 5, 1)


def test_a_member_depends_on_its_seed_alone():
    one, many = Double().replicate([7]), Double().replicate([3, 7, 1])
    for mine, theirs in zip(one.parameters(), many.member(1).parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(NetworkError, match="`index` is 3, but the stack has 3 members"):
        many.member(3)


def test_replicate_draws_new_networks_anew_and_copies_changed_ones():
    network = Double()
    weights = [p.clone() for p in network.replicate([1, 2]).parameters()]
    assert not any(torch.equal(w[0], w[1]) for w in weights)
    with torch.no_grad():
        network.body.layers[0].weight[0, 0, 0] += 1.0
    for mine, copies in zip(network.parameters(), network.replicate([1, 2]).parameters(), strict=True):
        assert torch.equal(mine[0], copies[0])
        assert torch.equal(mine[0], copies[1])
    with pytest.raises(NetworkError, match="a stack of 2 cannot be replicated"):
        network.replicate([1, 2]).replicate([3])


def test_replicate_leaves_the_network_as_it_is(pendulum):
    actor = YannActor.from_law(pendulum)
    before = [p.clone() for p in actor.parameters()]
    actor.replicate([5, 6])
    assert all(torch.equal(p, q) for p, q in zip(before, actor.parameters(), strict=True))
