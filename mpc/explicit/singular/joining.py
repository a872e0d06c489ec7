"""Joining: cells with one law and the same tight rows become one cell wherever their union is convex.

The envelope of cells is the set of all their rows that hold on each of them; the union is convex exactly if the
cells cover their envelope (after Bemporad, Fukuda & Torrisi, Computational Geometry 18, 2001).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mpc.explicit.singular.expansion import Cell, cell
from mpc.explicit.singular.interior import holds_ball
from plants.arrays import Array

SAME_LAW = 1e-8  # unit-free solutions that differ by less than this are one
VALID = 1e-9  # a row that a cell passes by less than this holds on it
LEFT_OVER = 1e-9  # a ball smaller than this that no cell covers is rounding


def joined(cells: Sequence[Cell]) -> list[Cell]:
    """Return cells that cover the same set, those of one law joined where their union is convex."""
    result: list[Cell] = []
    for group in _groups(cells):
        parts = _maximal(group)
        whole = _union(parts) if len(parts) > 1 else None
        result += [whole] if whole is not None else _in_pairs(parts)
    return result


def _maximal(group: Sequence[Cell]) -> list[Cell]:
    """Return the cells, largest first, without those that lie inside another one."""
    kept: list[Cell] = []
    for one in sorted(group, key=lambda c: -c.radius):
        for i, other in enumerate(kept):
            if all(_holds(row, one) for row in np.c_[other.A, other.b]):
                kept[i] = replace(other, active=tuple(sorted({*other.active, *one.active})))
                break
        else:
            kept.append(one)
    return kept


def _groups(cells: Sequence[Cell]) -> list[list[Cell]]:
    groups: list[list[Cell]] = []
    by_rows: dict[tuple[int, ...], list[list[Cell]]] = {}
    for one in cells:
        family = by_rows.setdefault(one.tight, [])
        for group in family:
            if np.abs(group[0].solution - one.solution).max() <= SAME_LAW * (1 + np.abs(one.solution).max()):
                group.append(one)
                break
        else:
            family.append([one])
            groups.append(family[-1])
    return groups


def _in_pairs(group: Sequence[Cell]) -> list[Cell]:
    """Return the cells with convex unions of two joined until there are none."""
    cells = list(group)
    while True:
        for one, other in combinations(cells, 2):
            union = _union([one, other])
            if union is not None:
                cells = [union, *(c for c in cells if c is not one and c is not other)]
                break
        else:
            return cells


def _union(group: Sequence[Cell]) -> Cell | None:
    """Return the union of cells of one law if it is convex."""
    A, b = _envelope(group)
    if not len(b):
        return None
    if not _covered(A, b, group):
        return None
    active = tuple(sorted(set().union(*(c.active for c in group))))
    return cell(active, group[0].tight, group[0].solution, A, b)


def _envelope(group: Sequence[Cell]) -> tuple[Array, Array]:
    rows = np.vstack([np.c_[c.A, c.b] for c in group])
    holds = [all(_holds(row, c) for c in group) for row in rows]
    return rows[holds, :-1], rows[holds, -1]


def _holds(row: Array, one: Cell) -> bool:
    """Return whether a cell has no interior beyond a unit row, up to VALID."""
    same = (np.abs(one.A - row[:-1]) <= VALID).all(axis=1) & (one.b <= row[-1] + VALID)
    if same.any():
        return True
    return not holds_ball(np.vstack([one.A, -row[:-1]]), np.r_[one.b, -row[-1] - VALID], 0.0)


def _covered(A: Array, b: Array, group: Sequence[Cell]) -> bool:
    """Return whether the cells cover {A p <= b}, up to balls of the radius LEFT_OVER."""
    if not holds_ball(A, b, LEFT_OVER):
        return True
    meeting = [c for c in group if holds_ball(np.vstack([A, c.A]), np.r_[b, c.b], LEFT_OVER)]
    if not meeting:
        return False
    first = meeting[0]
    for row, level in zip(first.A, first.b, strict=True):
        if not _covered(np.vstack([A, -row]), np.r_[b, -level], meeting[1:]):
            return False
        A, b = np.vstack([A, row]), np.r_[b, level]
    return True
