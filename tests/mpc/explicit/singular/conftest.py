"""Problems whose H is singular, the exploration of strictly convex ones, and an oracle of its own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import daqp
import numpy as np
import pytest
from scipy.optimize import linprog, nnls

from mpc import LinearModel, MPCProblem, MultiparametricQP, Polyhedron, condense
from mpc.explicit.explore import explore
from mpc.explicit.presolve import presolve
from mpc.explicit.singular.selection import Explored, Selection, select

BAND = 1e-11  # minimisers may differ by this in slope and value
FOLDER = Path(__file__).parents[3] / "data" / "mpqp"
TWO, THREE = np.vstack([np.eye(2), -np.eye(2)]), np.vstack([np.eye(3), -np.eye(3)])


def stored(name: str) -> MultiparametricQP:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        return MultiparametricQP(*(data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")))


def integrator(norm: float, horizon: int) -> MultiparametricQP:
    """The double integrator under |u| <= 1 with a cost in that norm, as a linear program."""
    model = LinearModel([[1, 1], [0, 1]], [[0], [1]], sample_time=1.0)
    box = {"state_bounds": ([-10, -10], [10, 10]), "input_bounds": (-1, 1)}
    return condense(MPCProblem(model, np.eye(2), 0.1, horizon, terminal_weight=np.eye(2), norm=norm, **box))


def over_box(H, f, F, G, w, S, size: float = 1.0, **others) -> MultiparametricQP:
    t = np.shape(F)[1]
    box = {"A_theta": np.vstack([np.eye(t), -np.eye(t)]), "b_theta": np.full(2 * t, size)}
    return MultiparametricQP(H, f, F, G, w, S, **(box | others))


def random(seed: int, curved: int) -> MultiparametricQP:
    """A cost with `curved` directions of curvature; theta leaves the other slopes alone, every third has none there."""
    draw = np.random.default_rng(seed)
    n, q = 4, 5
    root = np.linalg.qr(draw.standard_normal((n, n)))[0]
    bent, flat = root[:, :curved] * draw.uniform(0.3, 2, curved), root[:, curved:]
    f = draw.standard_normal(n)
    f = f - flat @ (flat.T @ f) if seed % 3 == 0 else f
    F = bent @ draw.standard_normal((curved, 2))
    G = np.vstack([draw.standard_normal((q, n)), np.eye(n), -np.eye(n)])
    w, S = np.r_[draw.uniform(0.2, 1, q), np.full(2 * n, 2.0)], draw.standard_normal((q, 2))
    S = np.vstack([S, np.zeros((2 * n, 2))])
    return over_box(bent @ bent.T, f, F, G, w, S)


PROBLEMS: dict[str, Callable[[], MultiparametricQP]] = {
    "semidefinite": lambda: stored("deg_semidefinite"),
    "infinity-norm 2": lambda: stored("mplp_inf_N2"),
    "infinity-norm 3": lambda: integrator(np.inf, 3),
    "1-norm 2": lambda: integrator(1, 2),
    "1-norm 3": lambda: integrator(1, 3),
    "free direction": lambda: over_box(
        np.diag([1.0, 0]), [0, 0], [[-1, 0], [0, 0]], np.vstack([TWO, [[1, 1]]]), [1, 1, 1, 1, 0.2],
        np.vstack([np.zeros((4, 2)), [[0.5, 0.3]]]), 2.0,
    ),
    "duplicated input": lambda: over_box(
        np.ones((2, 2)), [0, 0], [[-1, 0], [-1, 0]], TWO, [1, 0.3, 1, 1], [[0, 0], [0, 0.2], [0, 0], [0, 0]], 3.0
    ),
    "tie at a vertex": lambda: over_box(
        np.zeros((2, 2)), [1, 1], np.zeros((2, 2)), [[-1, -1], [-1, 0], [0, -1], [1, 0], [0, 1]], [0, 0, 0, 3, 3],
        [[-1, 0], [0, 0], [0, -1], [0, 0], [0, 0]],
    ),
    "only feasibility": lambda: over_box(
        np.zeros((2, 2)), [0, 0], np.zeros((2, 2)), np.vstack([TWO, [[1, 1]]]), [1, 1, 1, 1, 0.3],
        np.vstack([np.zeros((4, 2)), [[1, 0.5]]]),
    ),
    "equality row": lambda: over_box(
        np.diag([1.0, 0, 0]), [0, 0, 1], np.zeros((3, 2)), np.vstack([[[1, 1, 1]], THREE]), [0, 2, 2, 2, 2, 2, 2],
        np.vstack([[[1, 0.5]], np.zeros((6, 2))]), equality_rows=(0,),
    ),
    "implied equality": lambda: over_box(
        np.diag([1.0, 0, 0]), [0, 0, 1], np.zeros((3, 2)), np.vstack([[[1, 1, 1], [-2, -2, -2]], THREE]),
        [0, 0, 2, 2, 2, 2, 2, 2], np.vstack([[[1, 0.5], [-2, -1]], np.zeros((6, 2))]),
    ),
    **{f"random {seed} {curved}": lambda s=seed, c=curved: random(s, c) for seed in range(3) for curved in (0, 1, 2)},
}  # fmt: skip


@pytest.fixture(params=PROBLEMS)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def singular() -> Callable[[str], MultiparametricQP]:
    return cache(lambda name: PROBLEMS[name]())


@pytest.fixture(scope="session")
def boxed() -> Callable[..., MultiparametricQP]:
    return over_box


def active_sets(problem: MultiparametricQP) -> Explored:
    ldp = presolve(problem)
    return Explored([tuple(int(row) for row in ldp.rows[rows]) for rows in explore(ldp).active])


@pytest.fixture(scope="session")
def explored() -> Callable[[MultiparametricQP], Explored]:
    """The active sets of all regions of a strictly convex problem."""
    return active_sets


@pytest.fixture(scope="session")
def selected(singular) -> Callable[[str], Selection]:
    return cache(lambda name: select(singular(name), active_sets))


@pytest.fixture(scope="session")
def vertices_of(selected) -> Callable[[str], list[np.ndarray]]:
    """The vertices of every piece."""
    return cache(lambda name: [Polyhedron(piece.A, piece.b).vertices() for piece in selected(name).pieces])


class Reference:
    """Optimality of a given z, and the least value, at one theta: by HiGHS, NNLS and DAQP."""

    def __init__(self, problem: MultiparametricQP) -> None:
        fixed = list(problem.equality_rows)
        self.problem = problem
        self.G = np.vstack([problem.G, -problem.G[fixed]])
        self.w, self.S = np.r_[problem.w, -problem.w[fixed]], np.vstack([problem.S, -problem.S[fixed]])

    def violation(self, theta: np.ndarray) -> float:
        """The least amount by which all rows must give way for some z to exist; negative: room."""
        cost, rows = np.r_[np.zeros(self.problem.n), 1.0], np.c_[self.G, -np.ones(len(self.G))]
        bounds = [(None, None)] * self.problem.n + [(-1, None)]
        return linprog(cost, rows, self.w + self.S @ theta, bounds=bounds).fun

    def error(self, theta: np.ndarray, z: np.ndarray) -> float:
        """The worst violated condition of optimality of z: a row, or the slope that no multipliers >= 0 balance."""
        room = self.w + self.S @ theta - self.G @ z
        slope = self.problem.H @ z + self.problem.f + self.problem.F @ theta
        tight = room <= 1e-9
        left = nnls(self.G[tight].T, -slope)[1] if tight.any() else np.linalg.norm(slope)
        return max(left, -room.min())

    def nearest(self, theta: np.ndarray, z: np.ndarray, middle: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Of all minimisers, z being one, that nearest to `middle`, variables counted in `scale`.

        Minimisers have one slope H z and one value in common.
        """
        n = self.problem.n
        common = np.vstack([self.problem.H, self.problem.f + self.problem.F @ theta]) * scale
        size = np.linalg.norm(common, axis=1)
        common = common[size > 0] / size[size > 0, None]
        level = common @ ((z - middle) / scale)
        rows = np.vstack([self.G * scale, common])
        upper = np.r_[self.w + self.S @ theta - self.G @ middle, level + BAND]
        lower = np.r_[np.full(len(self.w), -1e30), level - BAND]
        y, _, flag, _ = daqp.solve(np.eye(n), np.zeros(n), rows, upper, lower, np.zeros(len(upper), np.int32))
        assert flag == 1
        return middle + scale * y


@pytest.fixture(scope="session")
def reference() -> Callable[[MultiparametricQP], Reference]:
    return Reference


class Tiling:
    """The pieces of a law as polygons of a two-dimensional theta: vertices, and all pieces at a point."""

    def __init__(self, selection: Selection) -> None:
        self.pieces = selection.pieces

    def at(self, theta: np.ndarray, room: float = 1e-9) -> list[int]:
        return [i for i, p in enumerate(self.pieces) if (p.A @ theta <= p.b + room).all()]

    def value(self, piece: int, theta: np.ndarray) -> np.ndarray:
        return self.pieces[piece].solution_gain @ theta + self.pieces[piece].solution_offset


@pytest.fixture(scope="session")
def tiling() -> Callable[[Selection], Tiling]:
    return Tiling
