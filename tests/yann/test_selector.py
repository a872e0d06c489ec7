from dataclasses import replace

import numpy as np
import pytest
import torch

from yann.selector import RegionSelector


@pytest.mark.parametrize("wide", [1.0, 1.6])
def test_it_selects_what_the_law_locates(law, draw_points, wide):
    points = draw_points(law, (2000,), wide)
    region, violation = RegionSelector(law)(torch.tensor(points)[None])
    location = law.locate(points)
    assert np.array_equal(region[0], location.region)
    assert np.allclose(violation[0], -location.margin, rtol=0, atol=1e-12)


def test_batches_and_members_are_independent_rows(pendulum, draw_points):
    points = torch.tensor(draw_points(pendulum, (3, 20)))
    selector = RegionSelector(pendulum)
    together = selector(points)[0]
    alone = torch.stack([selector(points[i : i + 1, j : j + 1])[0][0, 0] for i in range(3) for j in range(20)])
    assert torch.equal(together.flatten(), alone)


def test_the_lowest_index_wins_a_tie(pendulum, draw_points):
    twice = replace(pendulum, regions=(*pendulum.regions, *pendulum.regions))
    points = torch.tensor(draw_points(pendulum, (500,), 1.5))[None]
    assert torch.equal(RegionSelector(twice)(points)[0], RegionSelector(pendulum)(points)[0])


def test_it_has_nothing_to_train_and_says_its_size(reactor):
    selector = RegionSelector(reactor)
    assert not list(selector.parameters())
    assert repr(selector) == "RegionSelector(4 parameters, 7 regions)"
