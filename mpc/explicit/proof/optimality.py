"""Optimality: on every cell the law satisfies the KKT conditions, shown by affine multipliers and bounds on them.

Rows whose slack vanishes on the whole cell are its tight rows. Where they are independent their multipliers are affine;
where not, see cone.py. What is left are affine functions that must not fall below 0 on the cell: the other slacks, and
the multipliers. Each is a half-space that the cell may leave by no more than the tolerance.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mpc.explicit.proof.cells import Cells
from mpc.explicit.proof.claims import Claims, excess
from mpc.explicit.proof.cone import in_cone
from mpc.explicit.proof.extended import Extended, fit
from mpc.explicit.proof.finding import Finding, Kind
from mpc.explicit.proof.measure import HARMLESS, Measure
from plants.arrays import Array, Indices

BLOCK = 500  # cells whose claims are held at once
NEARLY = 1e-4  # shares of the size of z: a listed row that misses equality by less is judged as a tight one


@dataclass(frozen=True, eq=False)
class Optimality:
    """What was found: residual (share of the size of z), least multiplier and slack (half widths), tight rows (p, q).

    `unsure` (p,) marks cells that fail, or pass only because what they miss is harmless to z: they may overlap others.
    """

    residual: float
    multiplier: float
    slack: float
    tight: np.ndarray
    unsure: np.ndarray
    findings: tuple[Finding, ...]


class Stationary(NamedTuple):
    """How far a gradient is from the span of rows, as a share of z, and its multipliers; None for dependent rows.

    The residual holds over the whole parameter set, or, where only that is `harmless`, over the cell.
    """

    residual: float
    multipliers: Array | None
    harmless: bool


def optimality(cells: Cells, measure: Measure, listed: list[tuple[int, ...]], tolerance: float) -> Optimality:
    """Return what the cells' laws miss of the KKT conditions; `listed` are the rows that the law calls active."""
    starts = range(0, len(cells), BLOCK)
    blocks = [np.arange(start, min(start + BLOCK, len(cells))) for start in starts]
    parts = [_block(cells, measure, listed, tolerance, block) for block in blocks]
    return Optimality(
        residual=max(part.residual for part in parts),
        multiplier=min(part.multiplier for part in parts),
        slack=min(part.slack for part in parts),
        tight=np.concatenate([part.tight for part in parts]),
        unsure=np.concatenate([part.unsure for part in parts]),
        findings=tuple(finding for part in parts for finding in part.findings),
    )


def _block(cells: Cells, measure: Measure, listed: list[tuple[int, ...]], tolerance: float, at: Indices) -> Optimality:
    gains, offsets = cells.gains[at], cells.offsets[at]
    slacks, gradients = measure.slacks(gains, offsets), measure.gradients(gains, offsets)
    tight, findings = _tight(cells, measure, slacks, [listed[cell] for cell in at], at, tolerance)
    claims = [_slack_claims(slacks, tight, at)]
    residual, least = max((finding.amount for finding in findings), default=0.0), 0.0
    harmless = np.zeros(len(at), dtype=bool)
    for i, cell in enumerate(at):
        rows = np.flatnonzero(tight[i] & ~measure.always)
        span = stationary(cells, measure, int(cell), gradients[i], rows, tolerance)
        residual, harmless[i] = max(residual, span.residual), span.harmless
        findings += _left_over(cells, measure, int(cell), rows, span, gradients[i], listed[cell], tolerance)
        if span.multipliers is not None:
            claims.append(_multiplier_claims(measure, int(cell), rows, span.multipliers))
        else:
            cone = in_cone(cells, measure, int(cell), rows, gradients[i], tolerance)
            least = min(least, cone.least)
            findings += [] if cone.finding is None else [cone.finding]
    judged = _judged(cells, measure, Claims.joined(claims), tight, findings, residual, least, at, tolerance)
    return replace(judged, unsure=judged.unsure | harmless)


def _judged(
    cells: Cells, measure: Measure, claims: Claims, tight: np.ndarray, findings: list[Finding], residual: float,
    least: float, at: Indices, tolerance: float,
) -> Optimality:  # fmt: skip
    """Return all findings, with those of the claims; the largest first."""
    by = excess(claims, cells.sets, cells)
    over = by.distance > tolerance
    wrong = np.flatnonzero(over & (by.share > HARMLESS))
    wrong = wrong[np.argsort(-by.distance[wrong], kind="stable")]
    findings = findings + [
        _claim_finding(cells, measure, claims, by.corner[k], float(by.distance[k]), k) for k in wrong
    ]
    kept = np.where(over & (by.share <= HARMLESS), 0.0, by.distance)
    return Optimality(
        residual=residual,
        multiplier=min(least, 0.0 - float(kept[claims.dual].max(initial=0.0))),
        slack=0.0 - float(kept[~claims.dual].max(initial=0.0)),
        tight=tight,
        unsure=np.isin(at, [*claims.cell[over], *(finding.regions[0] for finding in findings)]),
        findings=tuple(findings),
    )


def _tight(
    cells: Cells, measure: Measure, slacks: Array, listed: list[tuple[int, ...]], at: Indices, tolerance: float
) -> tuple[np.ndarray, list[Finding]]:
    """Return which slacks vanish on which cell, and what listed rows miss; those that nearly vanish count as well."""
    tight, findings = measure.vanishing(slacks, tolerance), []
    for i, rows in enumerate(listed):
        missed = np.abs(slacks[i]).sum(axis=1) * (_named(measure, rows) & ~tight[i])
        if missed.any():
            worst = int(missed.argmax())
            theta = cells.physical(cells.balls[1][at[i]])
            findings.append(Finding.at(Kind.ACTIVE, (at[i],), theta, missed[worst], row=measure.name(worst)))
            tight[i] |= (missed > 0) & (missed < NEARLY)
    return tight, findings


def stationary(
    cells: Cells, measure: Measure, cell: int, gradient: Extended, rows: Indices, tolerance: float
) -> Stationary:
    """Return what is left of the gradient (k, 1 + t), over (1, y), beside the span of rows, and multipliers."""
    multipliers, left, independent = fit(measure.normals[rows], gradient)
    residual, harmless = measure.share(left), False
    if residual > tolerance:
        lower, upper = (side[cell] for side in cells.boxes)
        middle = left[:, 0] + left[:, 1:] @ ((lower + upper) / 2)
        inside = measure.share(np.c_[middle, left[:, 1:] * ((upper - lower) / 2)])
        harmless = inside <= HARMLESS
        residual = inside if harmless else residual
    return Stationary(residual, multipliers.astype(float) if independent else None, harmless)


def _left_over(
    cells: Cells, measure: Measure, cell: int, rows: Indices, span: Stationary, gradient: Extended,
    listed: tuple[int, ...], tolerance: float,
) -> list[Finding]:  # fmt: skip
    """Return what the tight rows leave of the gradient; or, where they leave nothing, the rows listed as active."""
    theta = cells.physical(cells.balls[1][cell])
    if span.residual > tolerance:
        return [Finding.at(Kind.STATIONARY, (cell,), theta, span.residual)]
    named = np.flatnonzero(_named(measure, listed) & ~measure.always)
    rest = (
        span.residual
        if np.array_equal(named, rows)
        else stationary(cells, measure, cell, gradient, named, tolerance).residual
    )
    return [Finding.at(Kind.LISTED, (cell,), theta, rest)] if rest > tolerance else []


def _named(measure: Measure, listed: tuple[int, ...]) -> np.ndarray:
    """Return which rows are equalities or among the listed ones."""
    named = measure.always.copy()
    named[measure.twin[list(listed)]] = True
    return named


def _slack_claims(slacks: Array, tight: np.ndarray, at: Indices) -> Claims:
    cell, row = np.nonzero(~tight)
    values = slacks[cell, row]
    return Claims(at[cell], at[cell], values[:, 0], values[:, 1:], np.ones(len(row)), row, np.zeros(len(row), bool))


def _multiplier_claims(measure: Measure, cell: int, rows: Indices, values: Array) -> Claims:
    which = np.full(len(rows), cell)
    return Claims(which, which, values[:, 0], values[:, 1:], measure.effect[rows], rows, np.ones(len(rows), bool))


def _claim_finding(cells: Cells, measure: Measure, claims: Claims, corner: Array, by: float, k: int) -> Finding:
    kind = Kind.MULTIPLIER if claims.dual[k] else Kind.SLACK
    row = measure.name(int(claims.row[k]))
    return Finding.at(kind, (claims.cell[k],), cells.physical(corner), by, row=row)
