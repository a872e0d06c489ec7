"""What half-spaces of states bound, in words: "angle plus 0.31 rad per rad/s of rate", with a unit."""

from collections.abc import Sequence

import numpy as np

from plants.arrays import Array, Indices

Rows = tuple[Sequence[str], Sequence[str], Sequence[float]]

ROUNDING = 1e-12  # of the largest term
SEEN = 1e-9  # a state with this share of the largest term is named


def leading(A: Array, width: Array) -> Indices:
    """Return for each row (q, n) the number of the state that moves it most over `width` (n,)."""
    return np.abs(A * width).argmax(axis=1)


def led_rows(A: Array, b: Array, width: Array) -> tuple[Array, Array]:
    """Return the rows scaled so that the state that moves each most has the factor 1 or -1; what is rounding is 0."""
    scale = np.abs(np.take_along_axis(A, leading(A, width)[:, None], axis=1))
    moves = np.abs(A * width)
    return np.where(moves > ROUNDING * moves.max(axis=1, keepdims=True), A, 0.0) / scale, b / scale[:, 0]


def row_labels(A: Array, width: Array, names: Sequence[str], units: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a label and a unit for each row of `led_rows`; a lower limit of a sum is called its least value."""
    first = [int(i) for i in leading(A, width)]
    labels = [_label(row, i, np.abs(row * width), names, units) for row, i in zip(A, first, strict=True)]
    return labels, [units[i] for i in first]


def set_claims(limits: Sequence[Sequence[float]], names: Sequence[str], rows: Rows, share: float) -> list[str]:
    """Return in words what is kept, and the set of `rows`: labels, units and levels."""
    kept = ", ".join(f"{name} from {low:g} to {high:g}" for name, low, high in zip(names, *limits, strict=True))
    sides = (f"{label} <= {level:.4g} {unit}".rstrip(" -") for label, unit, level in zip(*rows, strict=True))
    return [
        f"{kept} at every sample for ever, whatever input the filter is asked for",
        f"the set, {share:.1%} of that box: {'; '.join(sides)}",
    ]


def _label(row: Array, first: int, terms: Array, names: Sequence[str], units: Sequence[str]) -> str:
    sign = np.sign(row[first])
    words = [("" if sign > 0 else "least ") + names[first]]
    for i, name in enumerate(names):
        if i != first and terms[i] > SEEN * terms[first]:
            amount = sign * row[i]
            words.append(f"{'plus' if amount > 0 else 'minus'} {abs(amount):.4g}")
            words += [" per ".join(unit for unit in (units[first], units[i]) if unit not in ("", "-")), f"of {name}"]
    return " ".join(word for word in words if word)
