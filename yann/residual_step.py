"""How far the residuals of two regions can be apart where rounding may choose either."""

import numpy as np

from plants.arrays import Array
from yann.export_c_net import Net
from yann.export_c_steps import Fade
from yann.export_c_tables import Tables
from yann.overlap import Overlap, overlap
from yann.widened import Widened

SHALLOW = 1e-3
"""Depth, in widths of the fade, above which a linear program looks again."""


def residual_step(tables: Tables, regions: Widened) -> Array:
    """Return the largest step (m,) of the residual between regions that overlap when widened; 0 without one.

    Residuals that fade towards facets are near 0 there; others step by as much as training has set them apart.
    """
    net, pairs = tables.design.net, np.array(regions.pairs)
    if net is None or not len(pairs):
        return np.zeros(tables.design.law.m)
    first, second = pairs.T
    if net.head is not None and not net.steps:
        apart = np.abs(net.head[first] - net.head[second]).sum(axis=-1)
    else:
        apart = _size(net, first) + _size(net, second)
        if net.network is not None and not net.steps:
            apart[net.network[first] == net.network[second]] = 0.0
    if net.continuous:
        apart = np.array([_faded(net, tables, regions, *pair) for pair in pairs])
    apart = net.half_range * apart
    return (apart if net.bound is None else np.minimum(apart, 2 * net.bound)).max(axis=0)


def _faded(net: Net, tables: Tables, regions: Widened, i: int, k: int) -> Array:
    """Return the sum (m,) of both residuals, in half ranges, each times its factor at most 3 (depth / width)^2."""
    fade, place = net.steps[-1], overlap(regions, i, k)
    if not isinstance(fade, Fade):
        return np.zeros(len(net.half_range))
    parts = []
    for region in (i, k):
        w = min(max(_depth(fade, tables, place, region), 0.0) / fade.width[region], 1.0)
        parts.append(_size(net, np.array([region]))[0] * min(3 * w * w, 1.0))
    return np.sum(parts, axis=0)


def _depth(fade: Fade, tables: Tables, place: Overlap, region: int) -> float:
    """Return how deep in its region, in half widths, a point of an overlap can lie, by the rows next to it."""
    law = tables.design.law
    rows = fade.A[region] * law.half_width
    room = fade.b[region] - fade.A[region] @ tables.shift - rows @ place.point
    near = np.flatnonzero(room <= max(room.min(), 0.0) + SHALLOW * fade.width[region])
    depth = min(place.bound(-rows[j], room[j], place.fitted(-rows[j], room[j])) for j in near)
    if depth <= SHALLOW * fade.width[region]:
        return depth
    return min(place.bound(-rows[j], room[j], place.best(-rows[j], room[j])) for j in near)


def _size(net: Net, region: np.ndarray) -> Array:
    """Return how large (n, m), in half ranges, the residuals of regions (n,) can be on the parameter set."""
    z = np.ones((len(region), len(net.centre)))
    size = _of_layers(net, region) if net.width else np.zeros((len(region), len(net.half_range)))
    for step in net.steps:
        size = size if isinstance(step, Fade) else size + step.size(z, region)
    return size


def _of_layers(net: Net, region: np.ndarray) -> Array:
    """Return the same of the layers alone: paired neurons differ by no more than their weights do."""
    if net.head is not None:
        return np.abs(net.head[region]).sum(axis=-1)
    inner, outer = net.layers(region)
    first = np.minimum(np.abs(inner).sum(axis=-1), 1.0)
    halves = outer.reshape(len(region), net.width, 2, len(net.half_range), net.pairs)
    apart = np.einsum("nh,nhmk->nmk", first, np.abs(halves[:, :, 0] - halves[:, :, 1]))
    return np.minimum(apart, 2.0).mean(axis=-1)
