"""How far rounding can move sums and residual networks in the type of exported numbers, bounded before they run."""

import numpy as np

from plants.arrays import Array
from yann.export_c_net import Net
from yann.export_c_steps import Fade
from yann.export_c_tables import Tables


def rounding(tables: Tables, reach: Array, move: np.ndarray) -> Array:
    """Return how far (n, m) sums of gain d + offset can be from exact ones, where |d| <= reach (n, t)."""
    moves = np.abs(tables.moves[move])
    size = np.einsum("nmt,nt->nm", moves[:, :, :-1], np.broadcast_to(reach, (len(moves), reach.shape[-1])))
    lost = np.finfo(tables.precision.dtype).tiny * (tables.design.law.t + np.sum(reach, axis=-1, keepdims=True))
    return (tables.design.law.t + 4) * tables.precision.unit * (size + moves[:, :, -1]) + lost


def residual_rounding(net: Net, unit: float, doubt: float, z: Array, region: np.ndarray) -> Array:
    """Return how far (n, m) the residual in the type of this `unit` can be from exact, for scaled states |z| (n, t).

    tanh has no slope above 1, so errors pass through weights only; tanh itself is taken as right to 3 units. `doubt` is
    that of Tables: how far rounding moves a half-space.
    """
    size, errors = _of_layers(net, unit, z, region) if net.width else (np.zeros(len(net.half_range)),) * 2
    for step in net.steps:
        if isinstance(step, Fade):
            errors = errors + size * step.doubt(doubt, unit, region)[:, None]
        else:
            added = step.size(z, region)
            size, errors = size + added, errors + (z.shape[-1] + 10) * unit * (size + added)
    scaled = net.half_range * np.broadcast_to(errors, (len(region), len(net.half_range)))
    return scaled if net.bound is None else scaled + 6 * unit * net.bound


def _of_layers(net: Net, unit: float, z: Array, region: np.ndarray) -> tuple[Array, Array]:
    """Return how large the layers' residual can be, and how far it can be off, (n, m), both in half input ranges."""
    inner, outer = map(np.abs, net.layers(region))
    size = np.einsum("nht,nt->nh", inner[:, :, :-1], np.abs(z)) + inner[:, :, -1]
    first = (z.shape[-1] + 6) * unit * size + 3 * unit
    second = np.einsum("nhk,nh->nk", outer, first + (net.width + 4) * unit)
    if net.head is not None and net.trunk_bias is not None:
        second = second + (net.width + 4) * unit * np.abs(net.trunk_bias)
        head = np.abs(net.head[region])
        neurons = second + (net.hidden + 7) * unit
        errors = np.einsum("nmk,nk->nm", head[:, :, :-1], neurons) + (net.hidden + 4) * unit * head[:, :, -1]
        return head.sum(axis=2), errors
    neurons = second + (net.pairs + 7) * unit
    errors = 2 * neurons.reshape(len(region), 2, len(net.half_range), net.pairs).mean(axis=(1, 3))
    return np.full_like(errors, 2.0), errors
