"""Where to lay the grid of a core, and the largest level without a cliff of the law's cost inside."""

import numpy as np

from plants.arrays import Array
from rl.closed_loop import ClosedLoop
from rl.errors import TrainingError
from rl.grid import Grid

CLIFF = 0.25
"""Neighbouring nodes may differ by this share of the level; more is a cliff."""

_COARSE = 51
_MARGIN = 2  # coarse steps
_SEARCH = 101


def grid_of_costs(loop: ClosedLoop, level: float, nodes: int, steps: int, discount: float) -> tuple[Grid, Array, Array]:
    """Return a grid around {cost <= level}, the law's cost on its nodes, infinite above the level, and discounted."""
    lower, upper = loop.plant.state_bounds
    coarse = Grid.over(lower, upper, _COARSE)
    costs, _ = _costs(loop, coarse, steps, level, 1.0)
    low = np.argwhere(costs <= level)
    if not len(low):
        raise TrainingError(
            f"from no node of {_COARSE} x {_COARSE} over {loop.plant.name!r} does the law come to rest at a cost of "
            f"at most {level:g} within {steps} steps; take a higher `level`, or a law that comes to rest"
        )
    first = np.maximum(low.min(0) - _MARGIN, 0)
    last = np.minimum(low.max(0) + _MARGIN, _COARSE - 1)
    grid = Grid.over(coarse.lower + first * coarse.step, coarse.lower + last * coarse.step, nodes)
    return grid, *_costs(loop, grid, steps, level, discount)


def largest_level(loop: ClosedLoop, steps: int) -> float:
    """Return the largest level such that neighbouring nodes inside it differ by at most CLIFF of it."""
    lower, upper = loop.plant.state_bounds
    costs, _ = _costs(loop, Grid.over(lower, upper, _SEARCH), steps, np.inf, 1.0)
    pairs = [(costs[1:], costs[:-1]), (costs[:, 1:], costs[:, :-1])]
    high = np.concatenate([np.maximum(*pair).ravel() for pair in pairs])
    with np.errstate(invalid="ignore"):
        jump = np.concatenate([np.abs(a - b).ravel() for a, b in pairs])
    finite = np.isfinite(high)
    high, jump = high[finite], jump[finite]
    order = np.argsort(high)
    high, worst = high[order], np.maximum.accumulate(jump[order])
    good = np.flatnonzero(worst <= CLIFF * high)
    if not len(good):
        raise TrainingError(
            f"neighbouring nodes of {_SEARCH} x {_SEARCH} over {loop.plant.name!r} differ by more than {CLIFF:.0%} of "
            "any level, or the law comes to rest from none of them; pass a `level`"
        )
    fails = np.flatnonzero(worst[good[0] :] > CLIFF * high[good[0] :])
    return float(high[good[0] + fails[0] - 1] if len(fails) else high[-1])


def _costs(loop: ClosedLoop, grid: Grid, steps: int, ceiling: float, discount: float) -> tuple[Array, Array]:
    plain, counted = loop.cost_to_rest(grid.nodes, steps, ceiling, discount)
    return plain.reshape(grid.counts), counted.reshape(grid.counts)
