"""From facets and ranges of a reactor to what its certificate holds, and from that to the SafeSet."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mpc.safety.certificate import SafetyCertificate
from mpc.safety.heat_check import HeatGrid
from mpc.safety.heat_model import KINETICS, HeatModel
from mpc.safety.heat_ranges import HeatRanges
from mpc.safety.safe_set import InputRows, SafeSet
from plants.arrays import Array, read_only
from plants.plant import Plant

KIND = "stored heat of a reactor"


def heat_facts(model: HeatModel) -> dict[str, Any]:
    """Return what a set depends on, as plain data: where two agree in it, the set of one is that of the other."""
    off = model.settings
    return {
        "design": asdict(off) | {"breaks": list(off.breaks)},
        "constants": dict(model.constants),
        "kinetics": dict(KINETICS),
        "input": list(model.input),
        "sample_time": model.sample_time,
        "limit": model.limit,
    }


def heat_content(model: HeatModel, ranges: HeatRanges, facets: Array, grid: HeatGrid) -> dict[str, Any]:
    """Return everything that is claimed, but for the worst slack, as plain data."""
    off = model.settings
    return heat_facts(model) | {
        "disturbance": {
            "feed": off.feed, "inlet": off.inlet, "effectiveness": off.effectiveness, "kinetics": off.kinetics
        },
        "measurement": {"temperature": off.temperature_error, "concentration": off.concentration_error},
        "ranges": asdict(ranges) | {"difference": list(ranges.difference)},
        "facets": facets.tolist(),
        "ramp": model.ramp,
        "ceiling": off.ceiling,
        "cells": asdict(grid),
        "claims": _claims(model, ranges, facets),
        "set": _half_spaces(ranges, facets),
        "rows": _input_rows(model, ranges, facets),
    }  # fmt: skip


def _claims(model: HeatModel, ranges: HeatRanges, facets: Array) -> list[str]:
    """Return in words what is kept, and the set."""
    stored = "".join(f", T + {slope:.4g} C_A <= {level:.6g}" for slope, level in facets[1:].tolist())
    least, most = ranges.difference
    return [
        f"T <= {model.limit:g} K for ever, at samples and between them, whatever input the filter is asked for",
        f"the set: T <= {facets[0, 1]:.6g}{stored}; T >= {ranges.coldest:.5g}, "
        f"0 <= C_A <= {ranges.concentration:.3g}, 0 <= C_S <= {ranges.stock:.3g}, "
        f"{least:.3g} <= C_B - C_A <= {most:.3g} (K, mol/L)",
    ]


def _half_spaces(ranges: HeatRanges, facets: Array) -> dict[str, Any]:
    """Return A, b of the facets, then of the lowest temperature, C_A, C_S and C_B - C_A."""
    A = [[slope, 0, 0, 1] for slope in facets[:, 0]]
    A += [[0, 0, 0, -1], [-1, 0, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 1, 0], [1, -1, 0, 0], [-1, 1, 0, 0]]
    b = [*facets[:, 1], -ranges.coldest, 0, ranges.concentration, 0, ranges.stock]
    return {
        "A": np.array(A, dtype=float).tolist(),
        "b": [float(v) for v in (*b, -ranges.difference[0], ranges.difference[1])],
    }


def _input_rows(model: HeatModel, ranges: HeatRanges, facets: Array) -> dict[str, Any]:
    """Return X, U, h: full input at a facet, less and less of it down to `ramp` below, and the ceiling if there is one.

    Measured, a facet is as much lower as the measurement may be off.
    """
    (low, high), off = model.input, model.settings
    gain, count = (high - low) / model.ramp, len(facets)
    levels = facets[:, 1] - off.temperature_error - off.concentration_error * facets[:, 0]
    X = np.zeros((count, 4))
    X[:, 0], X[:, 3] = gain * facets[:, 0], gain
    U, h = -np.ones((count, 1)), gain * levels - high
    if off.ceiling:
        steep = (high - low) / off.ceiling
        X = np.vstack([X, [0, 0, 0, -steep]])
        U, h = np.vstack([U, [1.0]]), np.r_[h, low - steep * (ranges.coldest + off.temperature_error)]
    return {"X": X.tolist(), "U": U.tolist(), "h": h.tolist()}


def heat_set(plant: Plant, content: Mapping[str, Any]) -> SafeSet:
    """Return the safe set that a certificate's content describes, for a plant of its facts."""
    part, rows, count = content["set"], content["rows"], len(content["facets"])
    guards = [*range(count), *([count] if content["ceiling"] else [])]
    return SafeSet(
        state_names=tuple(plant.state_names),
        input_names=tuple(plant.input_names),
        input_units=tuple(plant.input_units),
        A=read_only(part["A"]),
        b=read_only(part["b"]),
        labels=_labels(plant, [slope for slope, _ in content["facets"]]),
        units=(*["K"] * (count + 1), *["mol/L"] * 6),
        rows=InputRows(
            read_only(rows["X"]),
            read_only(rows["U"]),
            read_only(rows["h"]),
            read_only(np.zeros((1, 4))),
            np.array(guards, dtype=np.intp),
        ),
        input_bounds=plant.input_bounds,
        backup=plant.input_bounds[1],
        certificate=SafetyCertificate(KIND, content, _assumptions(content)),
    )


def _labels(plant: Plant, slopes: list[float]) -> tuple[str, ...]:
    a, b, s, T = plant.state_names
    stored = (f"{T} plus {slope:.4g} K per mol/L of {a} (the heat still stored in A)" for slope in slopes[1:])
    below = (f"least {T}", f"least {a}", f"greatest {a}", f"least {s}", f"greatest {s}")
    return (T, *stored, *below, f"least {b} above {a}", f"greatest {b} above {a}")


def _assumptions(content: Mapping[str, Any]) -> tuple[str, ...]:
    off, e, ranges = content["disturbance"], content["measurement"], content["ranges"]
    bounds = {
        f"each feed concentration is within {100 * off['feed']:g} % of its constant, on its own": off["feed"],
        f"the feed temperature is within {off['inlet']:g} K of its constant": off["inlet"],
        f"the jacket transfers {100 * off['effectiveness']:g} to 100 % of its constant": 1 - off["effectiveness"],
        f"the rate of A + B is within {100 * off['kinetics']:g} % of its formula": off["kinetics"],
    }
    within = [words for words, size in bounds.items() if size]
    return (
        "the plant is the reactor of these equations and constants, as a differential equation",
        *within,
        "these may change at any time, between samples too, and all else is exact"
        if within
        else "there are no disturbances",
        f"the input is applied at once and held for a sample of {content['sample_time']:.6g} h",
        f"the filter is fed the temperature within {e['temperature']:g} K and C_A within {e['concentration']:g} mol/L",
        f"the start is in the set: T >= {ranges['coldest']:.5g} K, C_S <= {ranges['stock']:.3g} and C_B - C_A within "
        f"[{ranges['difference'][0]:.3g}, {ranges['difference'][1]:.3g}] mol/L among others",
    )
