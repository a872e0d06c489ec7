"""Checks a safety certificate of a linear model with a bounded error; alone, with numpy: python check_linear.py FILE.

A step: x+ = A x + B u + offset + e + w, e being within the file's `model_error`, w within `disturbance`. Claimed: from
every state of {A x <= b}, which lies within the limits, some u within the input's bounds keeps the rows X x + U u <= h,
and whatever u keeps those that are `guards` leads into the set again, whatever e and w are. All corners of the set are
found, and compared in exact rational numbers; the input that the file stores for a corner must serve it, and then
mixtures of these inputs serve what lies in between. That the plant's own step differs from the model by no more than
`model_error` is taken from the file, for the equations are not in it.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, islice
from math import comb, lcm
from operator import mul
from pathlib import Path
from typing import Any

import numpy as np

HEADER = {"format": "yann-control safety certificate", "version": 1, "kind": "linear"}
MOST_BYTES, MOST_ROWS, MOST_COMBINATIONS = 2**22, 1000, 3_000_000
MOST_EXACT = 30_000_000  # numbers in the rows that points are compared with, which takes about half a minute
BLOCK = 4_000_000  # numbers at a time
LEAST_MARGIN = 5e-7  # of each half-space's width, that the stored inputs must leave
LEAST_RESERVE = Fraction(1, 10**7)  # of the same, between rows and half-spaces, for the rounding of filters and plants
EPSILON = 2.0**-50

NUMBER, VECTOR, MATRIX = 0.0, [0.0], [[0.0]]
FORM = {
    "model": {"A": MATRIX, "B": MATRIX, "offset": VECTOR},
    "sample_time": NUMBER,
    "input": MATRIX,
    "limits": MATRIX,
    "model_error": MATRIX,
    "disturbance": VECTOR,
    "set": {"A": MATRIX, "b": VECTOR},
    "rows": {"X": MATRIX, "U": MATRIX, "h": VECTOR, "guards": VECTOR},
    "corners": {"states": MATRIX, "inputs": MATRIX},
    "worst": {"slack": NUMBER},
}


class Refused(ValueError):
    """A certificate that does not hold, or cannot be read; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What was verified: the worst slack as a share of a half-space's width, negative, and the number of corners."""

    worst_slack: float
    corners: int


def _fit(value: object, form: Any, name: str) -> Any:
    """Return what the form names, and no more, in exact numbers; refuse what is not of the form.

    That is: missing keys, what is no list, numbers that are not finite or beyond all measure.
    """
    if isinstance(form, dict):
        if not isinstance(value, dict) or set(form) - set(value):
            raise Refused(f"`{name}` must hold {', '.join(form)}")
        return {key: _fit(value[key], form[key], f"{name}.{key}") for key in form}
    if isinstance(form, list):
        if not isinstance(value, list):
            raise Refused(f"`{name}` must be a list")
        return [_fit(entry, form[0], f"{name}[{i}]") for i, entry in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e100:
        raise Refused(f"`{name}` is no finite number")
    return Fraction(value)


def _check_shapes(c: dict) -> None:
    """Refuse lists whose lengths do not go together, bounds in the wrong order, and guards that are no rows."""
    n, m, q, k = (
        len(c["model"]["A"]),
        len(c["input"][0] if c["input"] else []),
        len(c["set"]["b"]),
        len(c["corners"]["states"]),
    )
    shapes = {
        "model.A": (n, n), "model.B": (n, m), "model.offset": (n,), "input": (2, m), "limits": (2, n),
        "model_error": (2, n), "disturbance": (n,), "set.A": (q, n), "rows.X": (q, n), "rows.U": (q, m),
        "rows.h": (q,), "corners.states": (k, n), "corners.inputs": (k, m),
    }  # fmt: skip
    for name, shape in shapes.items():
        value: Any = c
        for key in name.split("."):
            value = value[key]
        rows = [len(row) for row in value] if len(shape) == 2 else []
        if len(value) != shape[0] or any(length != shape[-1] for length in rows) or not shape[0] * shape[-1]:
            raise Refused(f"`content.{name}` must be of shape {shape}")
    holds = {
        "bounds are in order": all(a < b for p in ("input", "limits") for a, b in zip(*c[p], strict=True))
        and all(a <= b for a, b in zip(*c["model_error"], strict=True)),
        "disturbances are bounds": min(c["disturbance"]) >= 0,
        "the sample time is above 0": c["sample_time"] > 0,
        "guards are rows": len(set(c["rows"]["guards"])) == len(c["rows"]["guards"])
        and all(i in range(q) for i in c["rows"]["guards"]),
        f"there are few enough half-spaces in {n} dimensions": q + 2 * n <= MOST_ROWS
        and comb(q + 2 * n, n) <= MOST_COMBINATIONS,
    }
    for claim, held in holds.items():
        if not held:
            raise Refused(f"it does not hold that {claim}")


def _dot(row: list, x: list) -> Fraction:
    return sum((a * b for a, b in zip(row, x, strict=True)), Fraction(0))


def _whole(row: list) -> list:
    """Return the row times its common denominator, in whole numbers."""
    common = lcm(*(entry.denominator for entry in row))
    return [int(entry * common) for entry in row]


def _solved(rows: list) -> tuple | None:
    """Return whole numbers (numerators, denominator > 0) of the x with rows (x, -1) = 0; None for dependent rows.

    Elimination without fractions: every division has no remainder (Bareiss, Mathematics of Computation 22, 1968).
    """
    table, n, last = [list(row) for row in rows], len(rows), 1
    for j in range(n):
        pivot = next((i for i in range(j, n) if table[i][j]), None)
        if pivot is None:
            return None
        table[j], table[pivot] = table[pivot], table[j]
        head = table[j][j]
        for i in range(n):
            if i != j:
                factor = table[i][j]
                table[i] = [(head * p - factor * q) // last for p, q in zip(table[i], table[j], strict=True)]
        last = head
    sign = 1 if last > 0 else -1
    return [sign * row[-1] for row in table], sign * last


def _maybe_corners(A: np.ndarray, b: np.ndarray) -> list:
    """Return every choice of n rows that may meet in a point of the set; those left out surely do not.

    The point is found in floating point; what it may be off follows from what its inverse and residual are off.
    Refused are so many, as where too many rows meet in a point, that exact numbers would take for ever.
    """
    q, n = A.shape
    every, found = combinations(range(q), n), []
    while block := list(islice(every, BLOCK // q)):
        chosen = np.array(block)
        M, level = A[chosen], b[chosen]
        singular = np.abs(np.linalg.det(M)) <= 1e-14 * np.linalg.norm(M, axis=2).prod(axis=1)
        R = np.linalg.inv(np.where(singular[:, None, None], np.eye(n), M))
        x = np.einsum("kij,kj->ki", R, level)
        inverse_off = np.abs(np.eye(n) - R @ M).sum(axis=2).max(axis=1) + n * EPSILON * (np.abs(R) @ np.abs(M)).max(
            (1, 2)
        )
        size = np.abs(np.einsum("kij,kj->ki", np.abs(M), np.abs(x))) + np.abs(level)
        residual = (np.abs(np.einsum("kij,kj->ki", M, x) - level) + 4 * n * EPSILON * size).max(axis=1)
        off = np.abs(R).sum(axis=2).max(axis=1) * residual / np.maximum(1 - inverse_off, 0.1)
        beyond = (
            x @ A.T - b - EPSILON * 4 * n * (np.abs(x) @ np.abs(A).T + np.abs(b)) - off[:, None] * np.abs(A).sum(axis=1)
        )
        outside = (beyond > 0).any(axis=1) & ~singular & (inverse_off < 0.5)
        found += [block[i] for i in np.flatnonzero(~outside)]
        if len(found) * q * n > MOST_EXACT:
            most = MOST_EXACT // (q * n)
            raise Refused(f"above {most} choices of half-spaces may be corners: too many meet in one point")
    return found


def _corners(c: dict) -> list:
    """Return all corners exactly; refuse a set that is flat or reaches beyond the limits.

    The set is cut by a box of three times the limits: had it points beyond, there would be corners on that box.
    """
    lower, upper = c["limits"]
    n, A, b = len(lower), [*c["set"]["A"]], [*c["set"]["b"]]
    for i in range(n):
        unit = [Fraction(j == i) for j in range(n)]
        A += [unit, [-entry for entry in unit]]
        b += [2 * upper[i] - lower[i], upper[i] - 2 * lower[i]]
    found, whole = set(), [_whole([*row, level]) for row, level in zip(A, b, strict=True)]
    for choice in _maybe_corners(np.array(A, dtype=float), np.array(b, dtype=float)):
        solved = _solved([whole[i] for i in choice])
        if not solved:
            continue
        x = tuple(Fraction(entry, solved[1]) for entry in solved[0])
        if x not in found and all(sum(map(mul, row, solved[0])) <= row[-1] * solved[1] for row in whole):
            found.add(x)
    if len(found) <= n:
        raise Refused("the set has no corners: it is empty or flat")
    for x in found:
        if any(not low <= entry <= high for low, entry, high in zip(lower, x, upper, strict=True)):
            raise Refused(f"the set reaches ({', '.join(f'{float(entry):.6g}' for entry in x)}), beyond the limits")
    return [list(x) for x in sorted(found)]


def _check_rows(c: dict, widths: list) -> None:
    """Refuse unless each row keeps its half-space, for all states in the limits, inputs, errors and disturbances."""
    A, B, offset = (c["model"][name] for name in ("A", "B", "offset"))
    reach, most = ([max(abs(a), abs(b)) for a, b in zip(*c[name], strict=True)] for name in ("limits", "input"))
    for i, (row, b) in enumerate(zip(c["set"]["A"], c["set"]["b"], strict=True)):
        moved, pushed = ([_dot(row, list(column)) for column in zip(*M, strict=True)] for M in (A, B))
        off = _dot([abs(p - q) for p, q in zip(moved, c["rows"]["X"][i], strict=True)], reach)
        off += _dot([abs(p - q) for p, q in zip(pushed, c["rows"]["U"][i], strict=True)], most)
        errors = sum(max(a * low, a * high) for a, low, high in zip(row, *c["model_error"], strict=True))
        gusts = _dot([abs(a) for a in row], c["disturbance"])
        room = b - c["rows"]["h"][i] - _dot(row, offset) - errors - gusts - off
        if room < LEAST_RESERVE * widths[i]:
            raise Refused(f"row {i} leaves its half-space {float(room / widths[i]):.3g} of its width, below 1e-07")


def _worst_slack(c: dict, corners: list, widths: list) -> float:
    """Return by how much the stored inputs miss a row at a corner, at most, as a share of the half-space's width."""
    states, rows, worst = np.array(c["corners"]["states"], dtype=float), c["rows"], Fraction(-(10**9))
    scale = np.array([float(high - low) for low, high in zip(*c["limits"], strict=True)])
    for x in corners:
        near = int((((states - np.array(x, dtype=float)) / scale) ** 2).sum(axis=1).argmin())
        u = c["corners"]["inputs"][near]
        if any(not low <= entry <= high for low, entry, high in zip(c["input"][0], u, c["input"][1], strict=True)):
            raise Refused(f"the input stored for corner {near} is beyond the inputs' bounds")
        for i, (X, U, h) in enumerate(zip(rows["X"], rows["U"], rows["h"], strict=True)):
            if i in rows["guards"]:
                push = _dot(U, u)
            else:
                push = sum(max(g * low, g * high) for g, low, high in zip(U, *c["input"], strict=True))
            worst = max(worst, (_dot(X, x) + push - h) / widths[i])
    return float(worst)


def check(document: dict) -> Verdict:
    """Return what holds of a certificate as it was read; raises Refused."""
    if not isinstance(document, dict) or set(document) != {*HEADER, "content", "assumptions", "sha256"}:
        raise Refused("this is no safety certificate: its entries are others")
    body = {key: value for key, value in document.items() if key != "sha256"}
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError, TypeError) as cause:
        raise Refused("the certificate holds NaN or infinity, or is nested too deep") from cause
    if hashlib.sha256(text.encode()).hexdigest() != document["sha256"]:
        raise Refused("the hash is not that of the content: the file was changed")
    if {key: document[key] for key in HEADER} != HEADER:
        raise Refused(f"the certificate must be of {HEADER}")
    try:
        with np.errstate(all="ignore"):
            return _verified(_fit(document["content"], FORM, "content"))
    except (ArithmeticError, np.linalg.LinAlgError) as cause:
        raise Refused(f"its numbers are too large or too small to be compared: {cause}") from cause


def _verified(c: dict) -> Verdict:
    _check_shapes(c)
    corners = _corners(c)
    widths = [b - min(_dot(row, x) for x in corners) for row, b in zip(c["set"]["A"], c["set"]["b"], strict=True)]
    if min(widths) <= 0:
        raise Refused("a half-space leaves the set no width")
    _check_rows(c, widths)
    worst = _worst_slack(c, corners, widths)
    if not worst <= -LEAST_MARGIN:
        raise Refused(f"the worst slack of an input is {worst:.3g}, but {-LEAST_MARGIN:g} or less is needed")
    if worst > c["worst"]["slack"] + 1e-9:
        raise Refused(f"the worst slack is {worst:.9g}, not {float(c['worst']['slack']):.9g} as claimed")
    return Verdict(worst, len(corners))


def _once(pairs: list) -> dict:
    if len({key for key, _ in pairs}) < len(pairs):
        raise Refused("an entry stands twice in the file")
    return dict(pairs)


def main(arguments: list[str]) -> int:
    """Check the file named, say what was found, and return the exit status: 0 if it holds, else 1."""
    try:
        if len(arguments) != 1:
            raise Refused("usage: python check_linear.py FILE")
        with Path(arguments[0]).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Refused(f"the file has more than {MOST_BYTES} bytes, which no certificate has")
        found = check(json.loads(raw, object_pairs_hook=_once))
    except (OSError, ValueError, RecursionError) as cause:
        sys.stdout.write(f"refused: {cause}\n")
        return 1
    sys.stdout.write(
        f"verified: {found.corners} corners exactly; the stored inputs leave {-found.worst_slack:.3g} of a "
        "half-space's width at least. That the model's error is as bounded is taken from the file\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
