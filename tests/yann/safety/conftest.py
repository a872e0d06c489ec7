"""Safe sets about which everything is known: boxes with rows that the input 0 always keeps."""

import daqp
import numpy as np
import pytest

from mpc.safety.certificate import SafetyCertificate
from mpc.safety.safe_set import InputRows, SafeSet
from yann import SafetyFilter


def made_set(X, U, sines=None, room=0.1, bounds=1.0, backup=0.0):
    """The box |x| <= 1 with rows X x + U u <= h, h so that u = 0 keeps all of them everywhere with some room."""
    (k, n), m = np.shape(X), np.shape(U)[1]
    sines = np.zeros((m, n)) if sines is None else np.asarray(sines, dtype=float)
    reach = np.abs(X).sum(axis=1) + np.abs(U @ sines).sum(axis=1) + room
    names = tuple(f"state_{i}" for i in range(n)), tuple(f"input_{i}" for i in range(m))
    return SafeSet(
        state_names=names[0],
        input_names=names[1],
        input_units=("N",) * m,
        A=np.vstack([np.eye(n), -np.eye(n)]),
        b=np.ones(2 * n),
        labels=tuple(f"side {i}" for i in range(2 * n)),
        units=("m",) * 2 * n,
        rows=InputRows(np.asarray(X, float), np.asarray(U, float), reach, sines, np.arange(k) % (2 * n)),
        input_bounds=(np.full(m, -bounds), np.full(m, bounds)),
        backup=np.full(m, backup),
        certificate=SafetyCertificate("made", {"room": room}, ("made for a test",)),
    )


def nearest(safe, x, wanted):
    """The projection by an active-set solver, in half ranges of the inputs."""
    lower, upper = safe.input_bounds
    half, rows = (upper - lower) / 2, safe.rows
    clipped, known = np.clip(wanted, lower, upper), rows.sines @ np.sin(x)
    H = np.diag(1 / half**2)
    levels = rows.h - rows.X @ x - rows.U @ known
    A, top = np.vstack([np.eye(safe.m), rows.U]), np.r_[upper, levels]
    bottom = np.r_[lower, np.full(len(levels), -1e30)]
    u, _, flag, _ = daqp.solve(H, -H @ clipped, np.ascontiguousarray(A[safe.m :]), top, bottom)
    assert flag == 1
    return u


@pytest.fixture(scope="session")
def make_set():
    return made_set


@pytest.fixture(scope="session")
def nearest_input():
    return nearest


@pytest.fixture(scope="session")
def one_input():
    generator = np.random.default_rng(0)
    U = [[1.0], [-1.5], [0.5], [-0.4], [2.0], [-1.0]]
    return SafetyFilter(made_set(generator.normal(size=(6, 2)), np.array(U), bounds=3.0))


@pytest.fixture(scope="session")
def two_inputs():
    generator = np.random.default_rng(1)
    return SafetyFilter(made_set(generator.normal(size=(5, 2)), generator.normal(size=(5, 2)), bounds=3.0))


@pytest.fixture(params=["one input", "two inputs"])
def safe(request, one_input, two_inputs):
    return one_input if request.param == "one input" else two_inputs
