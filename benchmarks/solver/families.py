"""Plants, and model predictive control of them as a problem in its inputs, independent of the toolbox."""

import numpy as np
from scipy.linalg import expm, solve_discrete_are

from benchmarks.solver.problems import box, raw


def spring_chain(masses: int, inputs: int, sample_time: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """A, B of unit masses in a row between two walls, springs of stiffness 1; input k pulls mass k towards k+1."""
    stiffness = 2 * np.eye(masses) - np.eye(masses, k=1) - np.eye(masses, k=-1)
    pull = np.zeros((masses, inputs))
    for k in range(inputs):
        pull[k, k] = 1.0
        if k + 1 < masses:
            pull[k + 1, k] = -1.0
    size = 2 * masses
    whole = np.zeros((size + inputs, size + inputs))
    whole[:masses, masses:size] = np.eye(masses)
    whole[masses:size, :masses] = -stiffness
    whole[masses:size, size:] = pull
    sampled = expm(whole * sample_time)
    return sampled[:size, :size], sampled[:size, size:]


def double_integrator() -> tuple[np.ndarray, np.ndarray]:
    """A, B of position and velocity, sampled every second."""
    return np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.5], [1.0]])


def control(plant, horizon, weights=(1.0, 0.1), input_limit=1.0, state_limit=None, box_size=4.0) -> dict:
    """The arrays of regulation to 0 with the Riccati terminal weight; theta is the first state in a box."""
    A, B = plant
    n, m = B.shape
    Q, R = weights[0] * np.eye(n), weights[1] * np.eye(m)
    P = solve_discrete_are(A, B, Q, R)
    free, forced = predicted(A, B, horizon)
    cost = [Q] * (horizon - 1) + [P]
    H = np.kron(np.eye(horizon), R) + sum(M.T @ W @ M for M, W in zip(forced, cost, strict=True))
    F = sum(M.T @ W @ L for L, M, W in zip(free, forced, cost, strict=True))
    size = horizon * m
    G, w = box(np.full(size, input_limit))
    S = np.zeros((2 * size, n))
    if state_limit is not None:
        stacked, moved = np.vstack(forced), np.vstack(free)
        G, S = np.vstack([G, stacked, -stacked]), np.vstack([S, -moved, moved])
        w = np.concatenate([w, np.full(2 * len(stacked), state_limit)])
    return raw(H, np.zeros(size), F, G, w, S, *box(np.full(n, box_size)))


def softened(arrays: dict, rows: np.ndarray, linear: float = 10.0, quadratic: float = 100.0) -> dict:
    """The same problem with one slack variable, at least 0, that loosens these rows at a price."""
    n, t, q = len(arrays["H"]), arrays["F"].shape[1], len(arrays["w"])
    H = np.zeros((n + 1, n + 1))
    H[:n, :n], H[n, n] = arrays["H"], quadratic
    slack = np.zeros((q, 1))
    slack[rows] = -1.0
    G = np.vstack([np.hstack([arrays["G"], slack]), -np.eye(n + 1)[n]])
    f, F = np.append(arrays["f"], linear), np.vstack([arrays["F"], np.zeros((1, t))])
    w, S = np.append(arrays["w"], 0.0), np.vstack([arrays["S"], np.zeros((1, t))])
    return raw(H, f, F, G, w, S, arrays["A_th"], arrays["b_th"])


def predicted(A: np.ndarray, B: np.ndarray, horizon: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For the states 1..N: their maps from the first state, and from all inputs."""
    free, forced = [], []
    n, m = B.shape
    moved, pushed = np.eye(n), np.zeros((n, horizon * m))
    for k in range(horizon):
        moved, pushed = A @ moved, A @ pushed
        pushed[:, k * m : (k + 1) * m] += B
        free.append(moved)
        forced.append(pushed.copy())
    return free, forced
