"""The trusted problem set, and a small law in a file."""

import json
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mpc import CriticalRegion, MultiparametricQP, PiecewiseAffineLaw, Polyhedron, solve_explicit
from mpc.explicit.labels import Labels

FOLDER = Path(__file__).parents[2] / "data" / "mpqp"
TRUSTED = json.loads((FOLDER / "trusted.json").read_text(encoding="utf-8"))
SINGULAR = ("deg_semidefinite", "mplp_inf_N2")  # the oracle of strictly convex problems knows no answer to these
SOLVED = sorted(name for name, entry in TRUSTED.items() if "error" not in entry and name not in SINGULAR)


@cache
def load(name: str) -> MultiparametricQP:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
        return MultiparametricQP(*arrays, equality_rows=tuple(data["eq_idx"].tolist()))


@cache
def solve(name: str) -> PiecewiseAffineLaw:
    return solve_explicit(load(name))


@pytest.fixture(scope="session")
def problem() -> Callable[[str], MultiparametricQP]:
    return load


@pytest.fixture(scope="session")
def solved() -> Callable[[str], PiecewiseAffineLaw]:
    return solve


@pytest.fixture(params=SOLVED)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def cells(solved, partition) -> Callable[[str], Any]:
    """The partition of a trusted problem, by name."""
    return cache(lambda name: partition(solved(name)))


@pytest.fixture(scope="session")
def trusted() -> dict[str, dict]:
    return TRUSTED


@pytest.fixture(scope="session")
def numpy_exploration() -> ModuleType:
    """The exploration in plain numpy, an oracle."""
    spec = spec_from_file_location("numpy_exploration", Path(__file__).with_name("numpy_exploration.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_a_line(**changes) -> MultiparametricQP:
    """min 1/2 (z - theta)^2, theta in [-2, 2]."""
    arguments = {"H": [[1]], "f": [0], "F": [[-1]], "G": np.zeros((0, 1)), "w": [], "S": np.zeros((0, 1))}
    return MultiparametricQP(**arguments | {"A_theta": [[1], [-1]], "b_theta": [2, 2]} | changes)


def on_a_plane(**changes) -> MultiparametricQP:
    """min 1/2 |z - theta|^2, theta in [-2, 2]^2."""
    arguments = {"H": np.eye(2), "f": [0, 0], "F": -np.eye(2), "G": np.zeros((0, 2)), "w": [], "S": np.zeros((0, 2))}
    box = {"A_theta": np.vstack([np.eye(2), -np.eye(2)]), "b_theta": [2, 2, 2, 2]}
    return MultiparametricQP(**arguments | box | changes)


@pytest.fixture(scope="session")
def line() -> Callable[..., MultiparametricQP]:
    return on_a_line


@pytest.fixture(scope="session")
def plane() -> Callable[..., MultiparametricQP]:
    return on_a_plane


def law_over(cells, levels=None, centre=(0.0, 0.0), half_width=(1.0, 1.0)) -> PiecewiseAffineLaw:
    """A law u = level over cells (A, b), unit rows in half widths of a box; row 1 is active on the first cell only."""
    centre, half_width = np.asarray(centre, float), np.asarray(half_width, float)
    box, names = (centre - half_width, centre + half_width), tuple(f"p{i}" for i in range(len(centre)))
    regions = []
    for i, (A, b) in enumerate(cells):
        rows, (radius, inside) = np.asarray(A, float), Polyhedron(A, b).chebyshev()
        gain, offset = np.zeros((1, len(centre))), np.array([1.0 if levels is None else float(levels[i])])
        active = (0,) if i else (0, 1)
        regions.append(CriticalRegion(
            A=rows / half_width, b=np.asarray(b, float) + rows @ (centre / half_width), gain=gain, offset=offset,
            active=tuple(f"row {k}" for k in active), active_rows=active, centre=centre + half_width * inside,
            radius=radius, solution_gain=gain, solution_offset=offset,
        ))  # fmt: skip
    labels = Labels(names, ("u",), ("row 0", "row 1"))
    return PiecewiseAffineLaw(tuple(regions), Polyhedron.from_bounds(*box), box, labels)


@pytest.fixture(scope="session")
def law_of() -> Callable[..., PiecewiseAffineLaw]:
    return law_over


def clipped_line() -> PiecewiseAffineLaw:
    """The law z = clip(theta, -1, 1): three regions."""
    box = {"A_theta": [[1], [-1]], "b_theta": [2, 2]}
    return solve_explicit(MultiparametricQP([[1]], [0], [[-1]], [[1], [-1]], [1, 1], [[0], [0]], **box))


@pytest.fixture(scope="session")
def small_law() -> Callable[[], PiecewiseAffineLaw]:
    return clipped_line


@pytest.fixture(scope="session")
def law() -> PiecewiseAffineLaw:
    return clipped_line()


@pytest.fixture
def path(law: PiecewiseAffineLaw, tmp_path: Path) -> Path:
    """A file with that law."""
    law.save(tmp_path / "law.npz")
    return tmp_path / "law.npz"
