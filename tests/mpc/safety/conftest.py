"""Reactors and their certificates, whole and tampered with."""

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpc import SafeSet, StoredHeat
from mpc.safety.heat_settings import NOMINAL, READABLE, ROBUST
from mpc.safety.shipped import FOLDER
from mpc.safety.stored_heat import design
from plants import Plant, safety_cstr

PRESETS = {"readable": READABLE, "nominal": NOMINAL, "robust": ROBUST}
QUICK = StoredHeat(breaks=(), ceiling=3.0, feed=0.02, inlet=1.0, effectiveness=0.8, cell=2e-3)


@pytest.fixture(scope="session")
def reactor() -> Plant:
    return safety_cstr()


@pytest.fixture(scope="session")
def reactor_presets() -> dict[str, StoredHeat]:
    return PRESETS


@pytest.fixture(scope="session")
def quick_heat() -> StoredHeat:
    """A design that is drawn and checked within half a second."""
    return QUICK


@pytest.fixture(scope="session")
def quick_reactor_set(reactor) -> SafeSet:
    return design(reactor, reactor.safe_limits, QUICK)


@pytest.fixture(scope="session")
def reactor_files() -> dict[str, Path]:
    """The certificates that come with the package."""
    return {name: FOLDER / f"reactor_{name}.json" for name in PRESETS}


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the hash of what it holds, as a forger would give it."""
    body = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def reworked(document: dict[str, Any], *changes: tuple[str, Any]) -> dict[str, Any]:
    """A forger's copy: entries of the content changed, the set and the rows made to fit, and sealed again."""
    forged = copy.deepcopy(document)
    c = forged["content"]
    for path, value in changes:
        *places, last = path.split(".")
        part = c
        for place in places:
            part = part[place]
        part[last] = value(part[last]) if callable(value) else value
    (low, high), r, e = c["input"], c["ranges"], c["measurement"]
    s, level = np.array(c["facets"], dtype=float).T
    gain = (high - low) / c["ramp"]
    facets, U = np.outer(s, [1.0, 0, 0, 0]) + np.array([0, 0, 0, 1.0]), -np.ones((len(s), 1))
    X = gain * facets
    h = gain * (level - e["temperature"] - s * e["concentration"]) - high
    if c["ceiling"]:
        steep = (high - low) / c["ceiling"]
        X, U = np.r_[X, [[0, 0, 0, -steep]]], np.r_[U, [[1.0]]]
        h = np.r_[h, low - steep * (r["coldest"] + e["temperature"])]
    sides = [[0, 0, 0, -1], [-1, 0, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 1, 0], [1, -1, 0, 0], [-1, 1, 0, 0]]
    A = np.r_[facets, np.array(sides, dtype=float)]
    b = [*level, -r["coldest"], 0, r["concentration"], 0, r["stock"], -r["difference"][0], r["difference"][1]]
    c["rows"] = {"X": X.tolist(), "U": U.tolist(), "h": h.tolist()}
    c["set"] = {"A": A.tolist(), "b": [float(v) for v in b]}
    return sealed(forged)


@pytest.fixture(scope="session")
def seal() -> Callable[..., dict[str, Any]]:
    return sealed


@pytest.fixture(scope="session")
def forge() -> Callable[..., dict[str, Any]]:
    return reworked
