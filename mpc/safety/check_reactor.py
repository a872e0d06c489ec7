"""Checks a reactor's safety certificate; alone, with numpy only: python check_reactor.py FILE.

The reactor: A + B -> products and S -> products in a stirred tank, cooled by an input u that is held over a sample.
A' = D (feed_a - A) - r,  (B - A)' = D (feed_b - feed_a - (B - A)),  S' = D (feed_s - S) - k2(T) S,  r = k1(T) A B,
T' = D (feed_temperature - T) + h1 r + h2 k2(T) S - a e u (T - coolant_temperature).
Claimed: within the file's bounds on feed, inlet, e and k1, all free to jump at any time, no state of the set
{T + s_i A <= c_i, ranges} ever leaves it, between samples neither, whatever u the rows of the file let through.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from math import ceil, inf, log
from pathlib import Path
from typing import Any

import numpy as np

HEADER = {"format": "yann-control safety certificate", "version": 1, "kind": "stored heat of a reactor"}
MOST_BYTES, MOST_CELLS, MOST_ROWS = 2**22, 5_000_000, 64
CHUNK = 4096  # cells at a time, so that they stay close to the processor
LEAST_MARGIN = 1e-5  # K per sample, for the integration of whoever simulates and for the rounding of a filter


class Refused(ValueError):
    """A certificate that does not hold, or cannot be read; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What was verified: the worst slack [K per sample] of all cells, negative, the facet it is at, how many cells."""

    worst_slack: float
    facet: int
    cells: int


class Interval:
    """All numbers from `lower` to `upper`, elementwise; every operation rounds outwards."""

    __array_ufunc__ = None  # numpy leaves `number * interval` to the interval

    def __init__(self, lower: Any, upper: Any = None) -> None:
        self.lower = np.asarray(lower, dtype=float)
        self.upper = self.lower if upper is None else np.asarray(upper, dtype=float)

    def __add__(self, other: Any) -> "Interval":
        other = _interval(other)
        return _outward(self.lower + other.lower, self.upper + other.upper)

    def __neg__(self) -> "Interval":
        return Interval(-self.upper, -self.lower)

    def __sub__(self, other: Any) -> "Interval":
        return self + -_interval(other)

    def __rsub__(self, other: Any) -> "Interval":
        return -self + other

    def __mul__(self, other: Any) -> "Interval":
        a, b = self, _interval(other)
        ends = np.broadcast_arrays(a.lower * b.lower, a.lower * b.upper, a.upper * b.lower, a.upper * b.upper)
        return _outward(np.minimum.reduce(ends), np.maximum.reduce(ends))

    def __truediv__(self, positive: Any) -> "Interval":
        other = _interval(positive)
        return self * _outward(1 / other.upper, 1 / other.lower)

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> "Interval":
        """Return exp, numpy's being taken as right to 1e-14."""
        return Interval(np.exp(self.lower) * (1 - 1e-14), np.exp(self.upper) * (1 + 1e-14))

    def within(self, lower: Any, upper: Any) -> "Interval":
        """Return what of it lies between the two."""
        return Interval(np.maximum(self.lower, lower), np.minimum(self.upper, upper))

    def __getitem__(self, index: Any) -> "Interval":
        return Interval(self.lower[index], self.upper[index])

    def inside(self, other: "Interval") -> np.ndarray:
        """Return where all of it lies in the other."""
        return (other.lower <= self.lower) & (self.upper <= other.upper)


def _interval(number: Any) -> Interval:
    return number if isinstance(number, Interval) else Interval(number)


def _outward(lower: np.ndarray, upper: np.ndarray) -> Interval:
    return Interval(np.nextafter(lower, -inf), np.nextafter(upper, inf))


class Reactor:
    """The equations of the file, over intervals of states, with every disturbance anywhere in its bounds."""

    def __init__(self, content: dict) -> None:
        p, k, bound = content["constants"], content["kinetics"], content["disturbance"]
        off, slower = (1 + Interval(-bound[name], bound[name]) for name in ("feed", "kinetics"))
        self.dilution, self.coolant = p["dilution"], p["coolant_temperature"]
        self.feed_a, self.feed_b, self.feed_s = (off * p[f"feed_{name}"] for name in "abs")
        self.inlet = Interval(p["feed_temperature"]) + Interval(-bound["inlet"], bound["inlet"])
        transfer = Interval(1e3) * k["area"] / (Interval(k["capacity"]) * k["volume"]) * p["effectiveness"]
        self.transfer = transfer * Interval(bound["effectiveness"], 1)
        self.heat = [Interval(k[f"heat_{i}"]) / k["capacity"] for i in (1, 2)]
        self.factor = [slower * k["factor_1"], Interval(k["factor_2"])]
        self.energy = [Interval(k[f"energy_{i}"]) / k["gas"] for i in (1, 2)]
        ranges = content["ranges"]
        self.w, self.stock = Interval(*ranges["difference"]), Interval(0, ranges["stock"])

    def speed(self, i: int, T: Interval) -> Interval:
        """Return k1 (i = 0) or k2 (i = 1) at T."""
        return self.factor[i] * (-(self.energy[i] / T)).exp()

    def motion(self, A: Interval, T: Interval, u: Interval) -> tuple[Interval, Interval]:
        """Return A', T'."""
        r = self.speed(0, T) * A * (A + self.w)
        heating = self.heat[0] * r + self.heat[1] * self.speed(1, T) * self.stock
        warmed = self.dilution * (self.inlet - T) + heating - self.transfer * u * (T - self.coolant)
        return self.dilution * (self.feed_a - A) - r, warmed

    def rise(self, s: float, A: Interval, T: Interval) -> Interval:
        """Return (T + s A)' without cooling."""
        r = self.speed(0, T) * A * (A + self.w)
        fed = self.dilution * (self.inlet - T) + self.dilution * s * (self.feed_a - A)
        return fed + (self.heat[0] - s) * r + self.heat[1] * self.speed(1, T) * self.stock

    def bend(self, s: float, A: Interval, T: Interval, u: Interval) -> Interval:
        """Return how fast (T + s A)' changes, the disturbances of the one and of the motion each anywhere."""
        to_a, to_t = self.motion(A, T, u)
        to_w = self.dilution * (self.feed_b - self.feed_a - self.w)
        k1, k2 = self.speed(0, T), self.speed(1, T)
        to_stock = self.dilution * (self.feed_s - self.stock) - k2 * self.stock
        B, square = A + self.w, T * T
        by_t = self.energy[0] / square * k1 * A * B
        r = k1 * (A + B) * to_a + k1 * A * to_w + by_t * to_t
        fast = k2 * (self.energy[1] / square * self.stock * to_t + to_stock)
        outflow = self.dilution * (to_t + s * to_a)
        return (self.heat[0] - s) * r + self.heat[1] * fast - outflow - self.transfer * u * to_t


NUMBER, NAMES = 0.0, ("dilution", "feed_a", "feed_b", "feed_s", "feed_temperature", "coolant_temperature")
RATES = ("gas", "factor_1", "energy_1", "heat_1", "factor_2", "energy_2", "heat_2", "capacity", "volume", "area")
FORM = {
    "constants": dict.fromkeys(("effectiveness", *NAMES), NUMBER),
    "kinetics": dict.fromkeys(RATES, NUMBER),
    "disturbance": dict.fromkeys(("feed", "inlet", "effectiveness", "kinetics"), NUMBER),
    "measurement": {"temperature": NUMBER, "concentration": NUMBER},
    "input": (NUMBER, NUMBER),
    **dict.fromkeys(("sample_time", "limit", "ramp", "ceiling"), NUMBER),  # a ceiling of 0: there is none
    "ranges": {"difference": (NUMBER, NUMBER), "stock": NUMBER, "concentration": NUMBER, "coldest": NUMBER},
    "facets": [(NUMBER, NUMBER)],
    "cells": dict.fromkeys(("width", "layers", "coarse", "growth"), NUMBER),
    "worst": {"slack": NUMBER},
    "set": {"A": [(NUMBER,) * 4], "b": [NUMBER]},
    "rows": {"X": [(NUMBER,) * 4], "U": [(NUMBER,)], "h": [NUMBER]},
}


def _fit(value: object, form: Any, name: str) -> Any:
    """Return what the form names, and no more; refuse what is not of it: missing keys, long lists, no finite numbers.

    What it does not name was never looked at, so nothing may be computed with it.
    """
    if isinstance(form, dict):
        if not isinstance(value, dict) or set(form) - set(value):
            raise Refused(f"`{name}` must hold {', '.join(form)}")
        return {key: _fit(value[key], part, f"{name}.{key}") for key, part in form.items()}
    if isinstance(form, tuple | list):
        most = len(form) if isinstance(form, tuple) else MOST_ROWS
        if not isinstance(value, list) or not (len(form) <= len(value) <= most):
            raise Refused(f"`{name}` must be a list of {len(form)} to {most} entries")
        parts = form if isinstance(form, tuple) else form * len(value)
        return [_fit(part, parts[i], f"{name}[{i}]") for i, part in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e100:
        raise Refused(f"`{name}` is no finite number")
    return float(value)


def _check_scalars(c: dict, plant: Reactor) -> None:
    """Refuse unless the ranges are invariant by themselves, and the ceiling never meets the floor."""
    (low, high), bound, ranges, e = c["input"], c["disturbance"], c["ranges"], c["measurement"]
    T1, most, d, ceiling = ranges["coldest"], ranges["concentration"], c["sample_time"], c["ceiling"]
    s, level = np.array(c["facets"], dtype=float).T
    warm, difference = Interval(T1) - plant.coolant, plant.feed_b - plant.feed_a
    coldest = plant.dilution * (plant.inlet - T1) - plant.transfer * (low if ceiling else high) * warm
    used = plant.speed(0, Interval(T1)) * most * (plant.w + most)
    steep = plant.transfer * (Interval(high) - low) * (Interval(c["limit"]) - plant.coolant) / (ceiling or inf)
    fall = d * (steep + plant.dilution + plant.transfer * low)
    apart = level - s * most - T1 - ceiling - c["ramp"] - 4 * e["temperature"] - 2 * s * e["concentration"]
    holds = {
        "all constants are above 0": min(*c["constants"].values(), *c["kinetics"].values(), d, c["ramp"] - 1e-6) > 0,
        "the inputs cool": 0 <= low < high,
        "the facets start with the temperature alone, at or below the limit": s[0] == 0 and level[0] <= c["limit"],
        "no facet leans the other way": s.min() >= 0,
        "C_B - C_A stays in its range": plant.w.lower <= difference.lower and difference.upper <= plant.w.upper,
        "C_B is never below C_A": plant.w.lower >= 0,
        "C_S stays in its range": plant.feed_s.upper <= plant.stock.upper,
        "C_A stays in its range": (plant.dilution * (plant.feed_a - most) - used).upper <= 0 < most,
        "the lowest temperature is one": coldest.lower >= 0 and warm.lower >= 0,
        "the ceiling keeps it within a sample": ceiling == 0 or fall.upper < 1,
        "ceiling and floor stay apart": ceiling == 0 or apart.min() >= 1e-6,
        "disturbances and errors are bounds": min(*bound.values(), *e.values(), ceiling) >= 0,
        "disturbances leave a reactor": max(bound["feed"], bound["kinetics"]) < 1 >= bound["effectiveness"] > 0,
    }
    for claim, held in holds.items():
        if not held:
            raise Refused(f"it does not hold that {claim}")


def _check_rows(c: dict) -> None:
    """Refuse a set or rows of inputs that are not those of the facets, ranges, ramp and ceiling, to the last digit.

    Each is a product or two and a sum in double precision, which is the same wherever it is computed in this order.
    """
    (low, high), ranges, e, span = c["input"], c["ranges"], c["measurement"], c["input"][1] - c["input"][0]
    gain, steep, T1 = span / c["ramp"], span / (c["ceiling"] or inf), ranges["coldest"]
    A = [[s, 0, 0, 1] for s, _ in c["facets"]] + [[0, 0, 0, -1], [-1, 0, 0, 0], [1, 0, 0, 0]]
    A += [[0, 0, -1, 0], [0, 0, 1, 0], [1, -1, 0, 0], [-1, 1, 0, 0]]
    b = [level for _, level in c["facets"]] + [-T1, 0, ranges["concentration"], 0, ranges["stock"]]
    b += [-ranges["difference"][0], ranges["difference"][1]]
    X = [[gain * s, 0, 0, gain] for s, _ in c["facets"]]
    h = [gain * (level - e["temperature"] - s * e["concentration"]) - high for s, level in c["facets"]]
    U = [[-1.0]] * len(X)
    if c["ceiling"]:
        X, U, h = [*X, [0, 0, 0, -steep]], [*U, [1.0]], [*h, low - steep * (T1 + e["temperature"])]
    pairs = (A, c["set"]["A"]), (b, c["set"]["b"]), (X, c["rows"]["X"]), (U, c["rows"]["U"]), (h, c["rows"]["h"])
    for ours, theirs in pairs:
        if not np.array_equal(ours, theirs):
            raise Refused("the set or the rows of inputs in the file are not those of its facets, ranges and ramp")


def _edges(c: dict, level: float, near: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of cells below a facet: of C_A, and of how far below [K], on its ramp or from there on down."""
    cells, most, ramp = c["cells"], c["ranges"]["concentration"], c["ramp"]
    number = max(1, ceil(most / (cells["width"] * (1 if near else cells["coarse"]))))
    deepest = max((level - c["ranges"]["coldest"]) / ramp, 1)
    grown = np.arange(ceil(log(deepest) / log(cells["growth"])) + 2)
    layers = np.arange(cells["layers"] + 1) / cells["layers"] if near else cells["growth"] ** grown
    return np.r_[np.arange(number) * (most / number), most], ramp * layers


def _slack(c: dict, plant: Reactor, i: int, near: bool, gap: Interval, A: Interval, T: Interval) -> np.ndarray:
    """Return by how much T + s_i A may be above its level one sample later, at most, in cells `gap` below it.

    y(t) <= y + t y' + t^2 sup y'' / 2 for all t of the sample, convex in t where sup y'' is taken as 0 or more.
    """
    (low, high), d, s = c["input"], Interval(c["sample_time"]), c["facets"][i][0]
    most, T1 = c["ranges"]["concentration"], c["ranges"]["coldest"]
    span, warm, least = Interval(high) - low, T - plant.coolant, Interval(plant.transfer.lower)
    u = Interval(np.maximum((high - span * gap / c["ramp"]).lower, low) if near else low, high)

    def after(time: Interval, A_now: Interval, T_now: Interval) -> tuple[Interval, Interval]:
        to_a, to_t = plant.motion(A_now, T_now, u)
        return A + time * to_a, T + time * to_t

    sample, around, guess = Interval(0, d.upper), Interval(-2 * d.upper, 2 * d.upper), (A, T)
    for _ in range(2):
        guess = after(around, *guess)
        guess = guess[0], guess[1].within(T1 / 2, inf)
    box = after(sample, *guess)  # Picard: what is mapped into itself holds the motion
    enclosed = box[0].inside(guess[0]) & box[1].inside(guess[1])
    for _ in range(2):
        box = after(sample, box[0].within(0, most), box[1].within(T1, inf))
    box = box[0].within(0, most), box[1].within(T1, inf)
    bend = Interval(np.maximum(plant.bend(s, *box, u).upper, 0))
    ramped = d * least * span / c["ramp"] * warm - 1 if near else Interval(-1)
    rise = plant.rise(s, A, T) - least * (high if near else low) * warm
    total = (ramped * gap + d * rise + d * d * bend / 2).upper
    return np.where(enclosed & np.isfinite(total), total, inf)


def _cells(c: dict, i: int, near: bool) -> tuple[Interval, Interval, Interval]:
    """Return the cells below facet i that meet the set: how far below, C_A and T, cut down to what the set holds."""
    s, level = c["facets"][i]
    edges, layers = _edges(c, level, near)
    A = Interval(*(np.repeat(side, len(layers) - 1) for side in (edges[:-1], edges[1:])))
    gap = Interval(*(np.tile(side, len(edges) - 1) for side in (layers[:-1], layers[1:])))
    tops = [(other - lean * Interval(A.lower)).upper for lean, other in c["facets"]]
    T = (level - gap - s * A).within(c["ranges"]["coldest"], np.minimum.reduce(tops))
    met = T.lower <= T.upper
    A, T, gap = A[met], T[met], gap[met]
    return (level - T - s * A).within(gap.lower, gap.upper), A, T


def _check_cells(c: dict, plant: Reactor) -> Verdict:
    """Return the worst slack over cells that cover the whole set, facet by facet; refuse at the first that fails."""
    cells, worst, count = c["cells"], (-inf, 0), 0
    whole = cells["layers"] in range(1, 1001)
    if not (whole and cells["width"] > 0 and cells["coarse"] >= 1 and cells["growth"] >= 1.01):
        raise Refused("`cells` must have a width above 0, 1 to 1000 layers, coarse from 1 and growth from 1.01 on")
    if not c["ranges"]["concentration"] / cells["width"] < MOST_CELLS:
        raise Refused(f"`cells` are too narrow: at most {MOST_CELLS} are checked; make them wider")
    sides = [(i, near) for i in range(len(c["facets"])) for near in (True, False)]
    sizes = [_edges(c, c["facets"][i][1], near) for i, near in sides]
    planned = sum(len(A) * len(layers) for A, layers in sizes)
    if planned > MOST_CELLS:
        raise Refused(f"`cells` would be up to {planned}, but at most {MOST_CELLS} are checked; make them larger")
    for i, near in sides:
        gap, A, T = _cells(c, i, near)
        for part in (slice(k, k + CHUNK) for k in range(0, len(A.lower), CHUNK)):
            slack = _slack(c, plant, i, near, gap[part], A[part], T[part])
            worst, count = max(worst, (float(slack.max()), i)), count + len(slack)
            if not worst[0] <= -LEAST_MARGIN:
                raise Refused(
                    f"facet {i}, T + {c['facets'][i][0]:g} C_A <= {c['facets'][i][1]:g}, may be left: the worst slack "
                    f"is {worst[0]:.3g} K per sample or more, but {-LEAST_MARGIN:g} or less is needed"
                )
    if count == 0:
        raise Refused("the set is empty: no cell meets it")
    return Verdict(*worst, count)


def check(document: dict) -> Verdict:
    """Return what holds of a certificate as it was read; raises Refused."""
    if not isinstance(document, dict) or set(document) != {*HEADER, "content", "assumptions", "sha256"}:
        raise Refused("this is no safety certificate: its entries are others")
    body = {key: value for key, value in document.items() if key != "sha256"}
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as cause:
        raise Refused("the certificate holds what is no finite plain data, or is nested too deep") from cause
    if hashlib.sha256(text.encode()).hexdigest() != document["sha256"]:
        raise Refused("the hash is not that of the content: the file was changed")
    if {key: document[key] for key in HEADER} != HEADER:
        raise Refused(f"the certificate must be of {HEADER}")
    content = _fit(document["content"], FORM, "content")
    with np.errstate(all="ignore"):
        plant = Reactor(content)
        _check_scalars(content, plant)
        _check_rows(content)
        found = _check_cells(content, plant)
    if found.worst_slack > content["worst"]["slack"] + 1e-9:
        raise Refused(f"the worst slack is {found.worst_slack:.9g} K, not {content['worst']['slack']:.9g} as claimed")
    return found


def _once(pairs: list) -> dict:
    if len({key for key, _ in pairs}) < len(pairs):
        raise Refused("an entry stands twice in the file")
    return dict(pairs)


def main(arguments: list[str]) -> int:
    """Check the file named, say what was found, and return the exit status: 0 if it holds, else 1."""
    try:
        if len(arguments) != 1:
            raise Refused("usage: python check_reactor.py FILE")
        with Path(arguments[0]).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Refused(f"the file has more than {MOST_BYTES} bytes, which no certificate has")
        found = check(json.loads(raw, object_pairs_hook=_once))
    except (OSError, ValueError, RecursionError) as cause:
        sys.stdout.write(f"refused: {cause}\n")
        return 1
    sys.stdout.write(f"verified: the worst slack over {found.cells} cells is {found.worst_slack:.3g} K a sample\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
