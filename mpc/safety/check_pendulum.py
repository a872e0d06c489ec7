"""Checks a pendulum's safety certificate; alone, with numpy only: python check_pendulum.py FILE.

A step of d: rate+ = rate + d (gravity sin(angle) + gain u), angle+ = angle + d rate+, and up to `disturbance` is added
to each. Claimed: from every state of {A x <= b}, which lies within the limits, some u within the input's limits keeps
the rows X x + U (u + sine sin(angle)) <= h, and whatever u keeps them leads into the set again. Rows, corners and
gaps are compared in exact rational numbers; sines are bounded over cells of the angle, numpy's taken as right to 1e-14.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import atan2, pi
from pathlib import Path
from typing import Any

import numpy as np

HEADER = {"format": "yann-control safety certificate", "version": 1, "kind": "pendulum"}
MOST_BYTES, MOST_ROWS, MOST_CELLS = 2**22, 64, 100_000
LEAST_MARGIN = 1e-6  # of torque, that must be left to choose from
LEAST_RESERVE = Fraction(1, 10**7)  # of each level, for the rounding of filters and plants
PADDING = 1e-14

NUMBER = 0.0
FORM = {
    "constants": {"gravity": NUMBER, "gain": NUMBER},
    "sample_time": NUMBER,
    "input": (NUMBER, NUMBER),
    "limits": ((NUMBER, NUMBER), (NUMBER, NUMBER)),
    "disturbance": (NUMBER, NUMBER),
    "share": NUMBER,
    "set": {"A": [(NUMBER, NUMBER)], "b": [NUMBER]},
    "rows": {"X": [(NUMBER, NUMBER)], "U": [NUMBER], "h": [NUMBER], "sine": NUMBER},
    "cells": NUMBER,
    "worst": {"slack": NUMBER},
}


class Refused(ValueError):
    """A certificate that does not hold, or cannot be read; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What was verified: the worst slack [torque], negative, how many corners and cells, the share of the limits."""

    worst_slack: float
    corners: int
    cells: int
    share: float


def _fit(value: object, form: Any, name: str) -> Any:
    """Return what the form names, and no more, in exact numbers; refuse what is not of the form.

    That is: missing keys, lists of another length, numbers that are not finite or beyond all measure.
    """
    if isinstance(form, dict):
        if not isinstance(value, dict) or set(form) - set(value):
            raise Refused(f"`{name}` must hold {', '.join(form)}")
        return {key: _fit(value[key], form[key], f"{name}.{key}") for key in form}
    if isinstance(form, list | tuple):
        right = isinstance(value, list) and (len(value) == len(form) if isinstance(form, tuple) else bool(value))
        if not isinstance(value, list) or not right or len(value) > MOST_ROWS:
            raise Refused(f"`{name}` must be a list of {len(form) if isinstance(form, tuple) else '1 to 64'} entries")
        parts = form if isinstance(form, tuple) else form * len(value)
        return [_fit(entry, parts[i], f"{name}[{i}]") for i, entry in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e100:
        raise Refused(f"`{name}` is no finite number")
    return Fraction(value)


def _dot(row: list, x: list) -> Fraction:
    return sum((a * b for a, b in zip(row, x, strict=True)), Fraction(0))


def _corners(A: list, b: list) -> list:
    """Return the corners of the polygon, in the order of their angle; refuse one that is unbounded or flat."""
    for row in A:
        for way in ([-row[1], row[0]], [row[1], -row[0]]):
            if all(_dot(other, way) <= 0 for other in A):
                raise Refused("the set is unbounded: a facet is missing")
    found = set()
    for (p, level), (q, other) in combinations(zip(A, b, strict=True), 2):
        cross = p[0] * q[1] - p[1] * q[0]
        if cross != 0:
            x = ((level * q[1] - other * p[1]) / cross, (p[0] * other - q[0] * level) / cross)
            if all(_dot(row, list(x)) <= limit for row, limit in zip(A, b, strict=True)):
                found.add(x)
    if len(found) < 3 or min(b) <= 0:
        raise Refused("the set must hold the upright position and more around it")
    return sorted((list(x) for x in found), key=lambda x: atan2(x[1], x[0]))


def _check_scalars(c: dict) -> None:
    (low, high), (lower, upper), gust = c["input"], c["limits"], c["disturbance"]
    holds = {
        "the sample time is above 0": c["sample_time"] > 0,
        "the torque has limits in order": low < high,
        "the limits are in order, within a turn": -3.14 < lower[0] < upper[0] < 3.14 and lower[1] < upper[1],
        "a disturbance is a bound": min(gust) >= 0,
        "the torque turns the pendulum": c["constants"]["gain"] != 0,
        "there is a row for each facet": len({len(part) for part in (*c["set"].values(), *_rows(c))}) == 1,
        "every row has the torque in it": all(c["rows"]["U"]),
        f"there are 1 to {MOST_CELLS} cells": c["cells"] in range(1, MOST_CELLS + 1),
    }
    for claim, held in holds.items():
        if not held:
            raise Refused(f"it does not hold that {claim}")


def _rows(c: dict) -> list:
    return [c["rows"][name] for name in "XUh"]


def _check_rows(c: dict) -> None:
    """Refuse unless each row keeps its facet: A x+ <= b for all states in the limits, inputs and disturbances."""
    d, gravity, gain = c["sample_time"], c["constants"]["gravity"], c["constants"]["gain"]
    reach = [max(abs(side[i]) for side in c["limits"]) for i in range(2)]
    largest = max(abs(side) for side in c["input"])
    for A, b, X, U, h in zip(c["set"]["A"], c["set"]["b"], *_rows(c), strict=True):
        push, moved = d * (d * A[0] + A[1]), [A[0], d * A[0] + A[1]]
        off = [abs(ours - theirs) for ours, theirs in zip(moved, X, strict=True)]
        error = _dot(off, reach) + abs(push * gain - U) * largest + abs(push * gravity - U * c["rows"]["sine"])
        room = b - h - error - _dot([abs(a) for a in A], c["disturbance"])
        if room < LEAST_RESERVE * b:
            raise Refused(f"a row leaves its facet {float(room):.3g}, below {float(LEAST_RESERVE * b):.3g}, of room")


def _gap_slack(c: dict, corners: list) -> float:
    """Return by how much a lower bound of the torque is above an upper one, at most; exact, at the corners."""
    worst = Fraction(-(10**9))
    for x in corners:
        ends = [((h - _dot(X, x)) / U, U) for X, U, h in zip(*_rows(c), strict=True)]
        below, above = [v for v, U in ends if U < 0], [v for v, U in ends if U > 0]
        if below and above:
            worst = max(worst, max(below) - min(above))
    return float(worst)


def _torque_slack(c: dict, corners: list, cells: int) -> float:
    """Return by how much a row asks for more torque than there is, at most, over the cells that the set meets."""
    (low, high), sine, (A, b) = c["input"], float(c["rows"]["sine"]), (c["set"]["A"], c["set"]["b"])
    edges = np.linspace(float(c["limits"][0][0]), float(c["limits"][1][0]), cells + 1)
    least, most = min(float(x[0]) for x in corners) - 1e-9, max(float(x[0]) for x in corners) + 1e-9
    met = (edges[1:] >= least) & (edges[:-1] <= most)
    left, right = edges[:-1][met], edges[1:][met]
    ends = np.sin(left), np.sin(right)
    top = np.where((left <= pi / 2 + 1e-9) & (right >= pi / 2 - 1e-9), 1.0, np.maximum(*ends))
    bottom = np.where((left <= -pi / 2 + 1e-9) & (right >= -pi / 2 - 1e-9), -1.0, np.minimum(*ends))
    swung = sine * (top if sine < 0 else bottom), sine * (bottom if sine < 0 else top)
    worst = -np.inf
    for X, U, h in zip(*_rows(c), strict=True):
        sign = -1 if U > 0 else 1
        offset, slopes = sign * h / U, [-sign * x / U for x in X]
        edge = [
            (offset + slopes[1] * level / row[1], slopes[0] - slopes[1] * row[0] / row[1])
            for row, level in zip(A, b, strict=True)
            if row[1] * slopes[1] > 0
        ] or [(offset, slopes[0])]
        asked = np.min([_largest(float(p), float(q), left, right) for p, q in edge], axis=0)
        over = asked - (swung[0] + float(high)) if U < 0 else asked + (swung[1] + float(low))
        worst = max(
            worst, float((over + PADDING * (np.abs(asked) + abs(sine) + 10 * float(abs(high) + abs(low)))).max())
        )
    return worst


def _largest(offset: float, slope: float, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return an upper bound of offset + slope x over each cell."""
    rounding = PADDING * (abs(offset) + abs(slope) * 4)
    return offset + np.maximum(slope * left, slope * right) + rounding


def _share(c: dict, corners: list) -> float:
    """Return the polygon's share of the limits; refuse one that reaches beyond them."""
    lower, upper = c["limits"]
    for x in corners:
        if any(not lower[i] <= x[i] <= upper[i] for i in range(2)):
            raise Refused(f"the set reaches ({float(x[0]):.6g}, {float(x[1]):.6g}), beyond the limits")
    area = sum(p[0] * q[1] - p[1] * q[0] for p, q in zip(corners, [*corners[1:], corners[0]], strict=True)) / 2
    return float(area / ((upper[0] - lower[0]) * (upper[1] - lower[1])))


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
        return _verified(_fit(document["content"], FORM, "content"))
    except ArithmeticError as cause:
        raise Refused(f"its numbers are too large or too small to be compared: {cause}") from cause


def _verified(c: dict) -> Verdict:
    _check_scalars(c)
    corners = _corners(c["set"]["A"], c["set"]["b"])
    share, cells = _share(c, corners), int(c["cells"])
    _check_rows(c)
    worst = max(_gap_slack(c, corners), _torque_slack(c, corners, cells))
    if not worst <= -LEAST_MARGIN:
        raise Refused(f"the worst slack of the torque is {worst:.3g}, but {-LEAST_MARGIN:g} or less is needed")
    if worst > c["worst"]["slack"] + 1e-9:
        raise Refused(f"the worst slack is {worst:.9g}, not {float(c['worst']['slack']):.9g} as claimed")
    if share < c["share"] - 1e-6:
        raise Refused(f"the set is {share:.6g} of its limits, not {float(c['share']):.6g} as claimed")
    return Verdict(worst, len(corners), cells, share)


def _once(pairs: list) -> dict:
    if len({key for key, _ in pairs}) < len(pairs):
        raise Refused("an entry stands twice in the file")
    return dict(pairs)


def main(arguments: list[str]) -> int:
    """Check the file named, say what was found, and return the exit status: 0 if it holds, else 1."""
    try:
        if len(arguments) != 1:
            raise Refused("usage: python check_pendulum.py FILE")
        with Path(arguments[0]).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Refused(f"the file has more than {MOST_BYTES} bytes, which no certificate has")
        found = check(json.loads(raw, object_pairs_hook=_once))
    except (OSError, ValueError, RecursionError) as cause:
        sys.stdout.write(f"refused: {cause}\n")
        return 1
    sys.stdout.write(
        f"verified: {found.corners} corners exactly, {found.cells} cells; the torque left is {-found.worst_slack:.3g} "
        f"at least, the set {100 * found.share:.3g} % of its limits\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
