import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mpc import ProblemError
from mpc.explicit.scan import scan
from yann.probes import probe
from yann.selector import RegionSelector


def scanned(law, points):
    """Region and violation by asking every region: the rule."""
    A, b, owner = law.halfspaces
    region, margin = scan(A, b, np.searchsorted(owner, np.arange(len(law.regions) + 1)), points)
    return region, -margin


def selected(selector, points):
    return tuple(part[0].numpy() for part in selector(torch.tensor(points)[None]))


@pytest.mark.parametrize("wide", [1.0, 1.6])
def test_it_selects_what_a_scan_of_all_regions_does_to_the_last_bit(law, draw_points, wide):
    points = draw_points(law, (2000,), wide)
    for got, wanted in zip(selected(RegionSelector(law), points), scanned(law, points), strict=True):
        assert np.array_equal(got, wanted)


def test_so_it_does_on_facets_beside_them_at_vertices_and_outside(law):
    probes = probe(law, 300, np.random.default_rng(0)).points
    for kind, points in probes.items():
        for got, wanted in zip(selected(RegionSelector(law), points), scanned(law, points), strict=True):
            assert np.array_equal(got, wanted), kind


@given(st.integers(0, 10**6), st.integers(-16, 1))
def test_so_it_does_at_any_distance_from_any_half_space(laws, seed, exponent):
    generator = np.random.default_rng(seed)
    law = list(laws.values())[seed % len(laws)]
    A, b, _ = law.halfspaces
    row = generator.integers(len(b), size=50)
    across = A[row] * law.half_width**2
    points = law.centre + generator.uniform(-1, 1, (50, law.t)) * law.half_width
    height = (points * A[row]).sum(1) - b[row] + 10.0**exponent * generator.normal(size=50)
    points = points - across * (height / (A[row] * across).sum(1))[:, None]
    for got, wanted in zip(selected(RegionSelector(law), points), scanned(law, points), strict=True):
        assert np.array_equal(got, wanted)


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


def test_a_copy_selects_alike_and_fewer_digits_move_no_facet(pendulum, draw_points):
    points = torch.tensor(draw_points(pendulum))[None]
    selector = RegionSelector(pendulum)
    for other in (copy.deepcopy(selector), copy.deepcopy(selector).float()):
        assert all(torch.equal(*pair) for pair in zip(other(points), selector(points), strict=True))


def test_states_with_gradients_and_strides_are_read_too(pendulum, draw_points):
    points = torch.tensor(draw_points(pendulum, (2, 40)))
    turned = points.mT.contiguous().mT.requires_grad_()
    assert torch.equal(RegionSelector(pendulum)(turned)[0], RegionSelector(pendulum)(points)[0])


def test_numbers_that_are_none_are_named(pendulum):
    with pytest.raises(ProblemError, match=r"`points` is nan at \[0, 1\]; replace it by a finite number"):
        RegionSelector(pendulum)(torch.tensor([[[0.0, np.nan]]], dtype=torch.float64))


def test_it_has_nothing_to_train_and_says_its_size(reactor):
    selector = RegionSelector(reactor)
    assert not list(selector.parameters())
    assert repr(selector) == "RegionSelector(4 parameters, 7 regions)"
