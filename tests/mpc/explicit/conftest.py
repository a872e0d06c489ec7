"""The trusted problem set, and the geometry of a law's regions from their vertices."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import HalfspaceIntersection

from mpc import MultiparametricQP, PiecewiseAffineLaw, solve_explicit

FOLDER = Path(__file__).parents[2] / "data" / "mpqp"
TRUSTED = json.loads((FOLDER / "trusted.json").read_text(encoding="utf-8"))
SOLVED = sorted(name for name, entry in TRUSTED.items() if "error" not in entry)
HAIRS = (0.0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-6, -1e-6)  # steps across a facet, in half widths
ON_FACET = 1e-9  # a vertex this close to a facet's plane, in half widths, belongs to the facet


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


class Partition:
    """A law's regions in half widths around the centre: rows (A, b), vertices, and a point inside every facet."""

    def __init__(self, law: PiecewiseAffineLaw) -> None:
        self.law = law
        self.rows = [(r.A * law.half_width, r.b - r.A @ law.centre) for r in law.regions]
        self.centres = [(r.centre - law.centre) / law.half_width for r in law.regions]
        self.vertices = [_vertices(A, b, c) for (A, b), c in zip(self.rows, self.centres, strict=True)]
        self.facets = [facet for region in range(len(self.rows)) for facet in self._facets(region)]

    def physical(self, scaled: np.ndarray) -> np.ndarray:
        return self.law.centre + self.law.half_width * scaled

    def violations(self, scaled: np.ndarray) -> np.ndarray:
        """How far each point (b, t) lies outside each region, (b, p); negative inside."""
        return np.stack([(scaled @ A.T - b).max(axis=1) for A, b in self.rows], axis=1)

    def across(self, step: float) -> np.ndarray:
        """One point for every facet, `step` beyond it."""
        return np.array([point + step * normal for _, normal, point in self.facets])

    def _facets(self, region: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        A, b = self.rows[region]
        corners = self.vertices[region]
        found = []
        for normal, level in zip(A, b, strict=True):
            own = corners[np.abs(corners @ normal - level) <= ON_FACET]
            middle = own.mean(axis=0) if len(own) else corners.mean(axis=0)
            flat = np.linalg.matrix_rank(own - middle, tol=ON_FACET)
            assert flat == len(normal) - 1, f"region {region}: one of its rows is no facet"
            found.append((region, normal, middle - (middle @ normal - level) * normal))
        return found


def _vertices(A: np.ndarray, b: np.ndarray, centre: np.ndarray) -> np.ndarray:
    if A.shape[1] == 1:
        ends = b / A[:, 0]
        return np.array([[ends[A[:, 0] < 0].max()], [ends[A[:, 0] > 0].min()]])
    room = b - A @ centre
    assert (room > 0).all(), "the centre of a region lies outside it"
    corners = HalfspaceIntersection(np.c_[A, -room / room.min()], np.zeros(A.shape[1])).intersections
    return centre + room.min() * np.unique(corners.round(11), axis=0)


@pytest.fixture(scope="session")
def partition() -> Callable[[PiecewiseAffineLaw], Partition]:
    return Partition


@pytest.fixture(scope="session")
def cells(solved) -> Callable[[str], Partition]:
    """The partition of a trusted problem, by name."""
    return cache(lambda name: Partition(solved(name)))


@pytest.fixture(scope="session")
def trusted() -> dict[str, dict]:
    return TRUSTED


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
