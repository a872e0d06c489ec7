import numpy as np
import pytest
import torch

from yann import Continuous, NetworkError, PerRegion, Shared, TrainableLaw, YannActor, facet_jump

FORMS = (PerRegion(8), Shared(8), TrainableLaw())


def test_points_lie_on_facets_between_two_regions(law):
    jump = facet_jump(law)
    points = jump.points.numpy()
    assert len(points) > len(law.regions)
    for side in jump.sides.numpy().T:
        for point, region in zip(points, side, strict=True):
            piece = law.regions[int(region)]
            assert np.abs((piece.A @ point - piece.b).max()) <= 2e-9
    assert (jump.sides[:, 0] != jump.sides[:, 1]).all()


def test_every_pair_of_neighbours_is_there(pendulum):
    """Beside an independent search: mixtures of two regions' centres that no third region separates."""
    pairs = {frozenset(pair) for pair in facet_jump(pendulum).sides.tolist()}
    centres = [region.centre for region in pendulum.regions]
    share = np.linspace(0, 1, 501)[:, None]
    for i in range(len(centres)):
        for j in range(i):
            way = np.asarray(pendulum.locate(share * centres[i] + (1 - share) * centres[j]).region)
            if set(way.tolist()) == {i, j}:
                assert frozenset((i, j)) in pairs


@pytest.mark.parametrize("form", FORMS)
def test_it_is_zero_at_birth_grows_apart_and_its_gradient_reduces_it(pendulum, shake, form):
    jump = facet_jump(pendulum)
    actor = YannActor.from_law(pendulum, residual=form, bound=0.25).replicate(range(3))
    assert jump(actor).tolist() == [0.0, 0.0, 0.0]
    before = jump(shake(actor))
    assert before.shape == (3,)
    assert (before > 1e-4).all()
    optimiser = torch.optim.Adam(actor.parameters(), lr=1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        jump(actor).sum().backward()
        optimiser.step()
    assert (jump(actor) < 0.1 * before).all()


def test_it_is_the_jump_of_the_input_a_hair_apart(pendulum, shake):
    actor, jump = shake(YannActor.from_law(pendulum, hidden=8), 0.1), facet_jump(pendulum)
    points, width = jump.points.numpy(), torch.tensor(pendulum.half_width)
    raw = [actor.unclipped(jump.points[None], side[None])[0].detach().numpy() for side in jump.sides.T]
    wanted = ((raw[0] - raw[1]) / 2) ** 2
    assert np.isclose(jump(actor).item(), wanted.mean(), rtol=1e-9)
    assert wanted.max() > 1e-4
    toward = jump.points + 1e-7 * width * torch.randn(points.shape, generator=torch.Generator().manual_seed(0))
    seen, held = np.asarray(actor(toward.numpy())), np.clip(raw, -2, 2)
    assert np.abs(held - seen).min(axis=0).max() <= 1e-4


def test_residuals_that_fade_do_not_jump(pendulum, shake):
    actor = shake(YannActor.from_law(pendulum, residual=Continuous(PerRegion(8))), 1.0)
    assert facet_jump(pendulum)(actor).item() <= 1e-12


def test_draws_are_parts_of_it(pendulum, shake):
    actor, jump = shake(YannActor.from_law(pendulum, hidden=8)), facet_jump(pendulum)
    generator = torch.Generator().manual_seed(0)
    draws = [jump.drawn(64, generator)(actor).item() for _ in range(200)]
    assert len(set(draws)) > 100
    assert np.isclose(np.mean(draws), jump(actor).item(), rtol=0.1)
    with pytest.raises(NetworkError, match="`count` is 0"):
        jump.drawn(0, generator)
    with pytest.raises(NetworkError, match="`generator` is a int"):
        jump.drawn(3, 0)


def test_an_actor_of_another_law_is_refused(pendulum, reactor):
    with pytest.raises(NetworkError, match=r"was born of the law .*; pass facet_jump\(actor.birth.law\)"):
        facet_jump(pendulum)(YannActor.from_law(reactor))
    with pytest.raises(NetworkError, match=r"pass what YannActor\.from_law"):
        facet_jump(pendulum)("actor")
