import numpy as np
import pytest
import torch

from yann import AsPrinted, NetworkError, PerRegion, Shared, YannActor
from yann import regional as regional_module
from yann.regional import regional_product

FORMS = (PerRegion, Shared, AsPrinted)


def residual_at(actor, points):
    rows = torch.tensor(points).reshape(actor.members, -1, points.shape[-1])
    return actor.residual(rows, actor.selector(rows)[0])


def train(actor, points, steps=50):
    """Adam towards an admissible wavy target, which a single neuron could not follow."""
    rows = torch.tensor(points)[None].expand(actor.members, -1, -1)
    middle, half = (actor.upper + actor.lower) / 2, (actor.upper - actor.lower) / 2
    with torch.no_grad():
        wave = torch.sin(4 * actor.residual.scale(rows)[..., :1])
        wanted = middle + 0.7 * (actor.rows(rows) - middle) + 0.2 * half * wave
    optimiser = torch.optim.Adam(actor.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        (((actor.rows(rows) - wanted) / half) ** 2).mean(dim=(1, 2)).sum().backward()
        optimiser.step()
    return actor


def rank(change):
    values = torch.linalg.svdvals(change)
    return int((values > 1e-6 * values[0]).sum())


@pytest.mark.paper
@pytest.mark.parametrize(
    ("name", "hidden", "per_region", "printed"), [("pendulum", 16, 2128, 12880), ("reactor", 8, 728, 3416)]
)
def test_weights_are_as_many_as_stated(laws, name, hidden, per_region, printed):
    assert YannActor.from_law(laws[name], hidden).trainable == per_region
    assert YannActor.from_law(laws[name], residual=AsPrinted(hidden)).trainable == printed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", [1, 3, 64, 257])
def test_it_is_zero_at_birth_to_the_last_bit(law, draw_points, form, batch):
    actor = YannActor.from_law(law, residual=form(16)).replicate(range(3))
    assert not residual_at(actor, draw_points(law, (3, batch), 1.3)).any()


@pytest.mark.parametrize("form", FORMS)
def test_it_learns_and_its_neurons_part(law, draw_points, form):
    actor = YannActor.from_law(law, residual=form(16))
    points = draw_points(law)
    before = {name: p.detach().clone() for name, p in actor.residual.named_parameters()}
    train(actor, points)
    change = {name: (p.detach() - before[name])[0] for name, p in actor.residual.named_parameters()}
    assert residual_at(actor, points).abs().max() > 1e-3 * (actor.upper - actor.lower).max()
    visits = np.bincount(law.locate(points).region, minlength=len(law.regions))
    blocks = (
        change["plus"][visits >= 50] if form is PerRegion else [change.get("plus", change.get("trunk.layers.1.weight"))]
    )
    assert len(blocks)
    for block in blocks:
        assert rank(block) >= min(block.shape) // 4


def test_the_printed_theorem_would_tie_its_neurons():
    """One pre-activation for all neurons, as Theorem 1 prints it: `rank` above sees that they stay one neuron."""
    inner = torch.randn(64, 16, dtype=torch.float64)
    plus = torch.zeros(8, 16, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([plus], lr=3e-3)
    for _ in range(50):
        optimiser.zero_grad()
        ((torch.tanh(inner @ plus.T).mean(-1) - inner[:, 0]) ** 2).mean().backward()
        optimiser.step()
    assert rank(plus.detach()) == 1


@pytest.mark.parametrize("form", [PerRegion, Shared])
def test_only_visited_regions_learn(law, draw_points, form):
    actor = YannActor.from_law(law, residual=form(16))
    points = draw_points(law)
    region = np.asarray(law.locate(points).region)
    visited = region[0]
    before = actor(points)
    own = {name: p.detach().clone() for name, p in actor.residual.named_parameters() if p.shape[1] == len(law.regions)}
    train(actor, points[region == visited])
    for name, parameter in actor.residual.named_parameters():
        if name in own:
            moved = (parameter.detach() != own[name])[0].flatten(1).any(1)
            assert np.array_equal(np.flatnonzero(moved), [visited])
    elsewhere = region != visited
    assert np.array_equal(actor(points)[elsewhere], before[elsewhere])
    assert not np.array_equal(actor(points)[~elsewhere], before[~elsewhere])


def test_the_printed_layers_move_every_region(reactor, draw_points):
    actor = YannActor.from_law(reactor, residual=AsPrinted(8))
    points = draw_points(reactor)
    region = np.asarray(reactor.locate(points).region)
    train(actor, points)
    half_trained = residual_at(actor, points)[0].detach()
    train(actor, points[region == region[0]])
    moved = (residual_at(actor, points)[0].detach() - half_trained).abs().max(-1).values
    assert (moved[torch.tensor(region != region[0])] > 0).any()


def test_the_printed_layers_read_raw_parameters_and_start_unsaturated(law, draw_points):
    residual = YannActor.from_law(law, residual=AsPrinted(16)).residual
    first = torch.tensor(draw_points(law)) @ residual.inner[0].T + residual.bias[0]
    assert first.abs().max() <= (law.t + 1) / law.t**0.5
    assert first.abs().max() > 0.3


@pytest.mark.parametrize("form", [PerRegion, AsPrinted])
def test_it_reaches_no_farther_than_the_input_range(law, draw_points, form):
    actor = YannActor.from_law(law, residual=form(16))
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.add_(30 * torch.randn_like(parameter))
    assert (residual_at(actor, draw_points(law)).abs() <= actor.upper - actor.lower).all()


@pytest.mark.parametrize("regions", [5, 60])
def test_one_product_for_all_regions_equals_fetched_weights(monkeypatch, regions):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3, 40, 4, generator=generator, dtype=torch.float64)
    region = torch.randint(regions, (3, 40), generator=generator)
    weight = torch.randn(3, regions, 6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    results = []
    for few in (0, 1000):
        monkeypatch.setattr(regional_module, "FEW_REGIONS", few)
        product = regional_product(rows, weight, region)
        (gradient,) = torch.autograd.grad((product**3).sum(), weight)
        results.append((product.detach(), gradient))
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12)
    naive = weight[torch.arange(3)[:, None], region] @ rows.unsqueeze(-1)
    assert torch.allclose(results[0][0], naive.squeeze(-1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", [PerRegion, AsPrinted])
@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        (0, "`hidden` is 0, but it must be at least 1"),
        (2.5, "`hidden` is 2.5"),
        (6, "`hidden` is 6, but 2 inputs need a multiple of 4.*pass 8"),
    ],
)
def test_wrong_widths_are_named(laws, form, hidden, words):
    with pytest.raises(NetworkError, match=words):
        form(hidden).build(laws["two inputs"])


def test_settings_are_values():
    assert PerRegion(8) == PerRegion(8)
    assert PerRegion(8) != AsPrinted(8)
    assert repr(Shared()) == "Shared(hidden=16)"
    with pytest.raises(AttributeError):
        PerRegion().hidden = 3
