"""Random problems, every third of them degenerate in one of ten ways; seed and number make a problem, anywhere."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.optimize import linprog

from mpc import MultiparametricQP

SEED = 2026
LARGEST = 30  # rows


@dataclass(frozen=True, eq=False)
class Draft:
    """The arrays of a problem, and its parameters: the points origin + basis s, |s| <= 1, that keep A_theta."""

    H: np.ndarray
    f: np.ndarray
    F: np.ndarray
    G: np.ndarray
    w: np.ndarray
    S: np.ndarray
    A_theta: np.ndarray
    b_theta: np.ndarray
    origin: np.ndarray
    basis: np.ndarray
    equality_rows: tuple[int, ...] = ()
    kind: str = "plain"

    @property
    def problem(self) -> MultiparametricQP:
        arrays = (self.H, self.f, self.F, self.G, self.w, self.S, self.A_theta, self.b_theta)
        return MultiparametricQP(*arrays, equality_rows=self.equality_rows)

    @property
    def evened(self) -> MultiparametricQP:
        """The same problem with unit rows over (z, theta), for a reference that does not see to that itself."""
        norm = np.linalg.norm(np.c_[self.G, self.S], axis=1)
        norm[norm == 0] = 1.0
        return replace(self, G=self.G / norm[:, None], w=self.w / norm, S=self.S / norm[:, None]).problem

    def parameters(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Points (k, t) of the parameter set, k <= count, that fill it."""
        points = self.origin + generator.uniform(-1, 1, (count, self.basis.shape[1])) @ self.basis.T
        return points[(points @ self.A_theta.T <= self.b_theta + 1e-13).all(axis=1)]

    def with_rows(self, G, w, S) -> "Draft":
        """The problem with more rows, of which those beyond the largest number are left out."""
        room = LARGEST - len(self.w)
        G, w, S = np.atleast_2d(G)[:room], np.atleast_1d(w)[:room], np.atleast_2d(S)[:room]
        return replace(self, G=np.vstack([self.G, G]), w=np.r_[self.w, w], S=np.vstack([self.S, S]))


def boxed(H, f, F, G, w, S, generator) -> Draft:
    """The problem over a box of parameters, now and then with a corner cut off."""
    t = F.shape[1]
    A, b = np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t)
    if generator.random() < 0.3:
        A, b = np.vstack([A, generator.normal(size=t)]), np.r_[b, generator.uniform(0.3, 1)]
    return Draft(H, f, F, G, w, S, A, b, np.zeros(t), np.eye(t))


def raw(generator) -> Draft:
    """Random weights and rows around z = 0, which is feasible at theta = 0."""
    t, n = int(generator.integers(2, 7)), int(generator.integers(2, 9))
    q = int(generator.integers(6, 31 if t + n < 8 else 15))
    root = generator.normal(size=(n, n))
    H = root @ root.T + generator.uniform(0.05, 1) * np.eye(n)
    f, F = generator.normal(size=n) * generator.choice([0, 1]), 3 * generator.normal(size=(n, t))
    G, w = generator.normal(size=(q, n)), generator.uniform(0.2, 2, q)
    S = generator.normal(size=(q, t)) * generator.choice([0, 0.5, 1]) * (generator.random((q, t)) < 0.5)
    return boxed(H, f, F, G, w, S, generator)


def state_like(generator) -> Draft:
    """A linear system's inputs over a horizon, limited, with limits on some of its states."""
    t, m = int(generator.integers(2, 7)), int(generator.integers(1, 3))
    N = int(generator.integers(3, 7 if t < 5 else 5)) if m == 1 else int(generator.integers(2, 4 if t < 4 else 3))
    A, B = generator.normal(size=(t, t)), generator.normal(size=(t, m))
    A *= generator.uniform(0.7, 1.1) / np.abs(np.linalg.eigvals(A)).max()
    limited = np.arange(t) < generator.integers(0, 3)
    H, F = 0.1 * np.eye(N * m), np.zeros((N * m, t))
    power, response, rows, right, slopes = np.eye(t), np.zeros((t, N * m)), [], [], []
    for k in range(N):
        power, response = A @ power, A @ response
        response[:, k * m : (k + 1) * m] += B
        H, F = H + response.T @ response, F + response.T @ power
        rows += [response[limited], -response[limited]]
        slopes += [-power[limited], power[limited]]
        right += [3 * np.ones(2 * limited.sum())]
    G, S = np.vstack([np.eye(N * m), -np.eye(N * m), *rows]), np.vstack([np.zeros((2 * N * m, t)), *slopes])
    w = np.concatenate([np.ones(2 * N * m) * generator.uniform(0.2, 1), *right])
    keep = slice(0, LARGEST)
    return boxed(H, np.zeros(N * m), 3 * F, G[keep], w[keep], 3 * S[keep], generator)


def whole(generator) -> Draft:
    """Small whole numbers everywhere: vertices, facets and switches coincide exactly."""
    t, n = int(generator.integers(2, 5)), int(generator.integers(2, 5))
    q = int(generator.integers(6, 19))
    root = np.tril(generator.integers(-1, 2, (n, n)), -1) + np.eye(n)
    F, G = generator.integers(-2, 3, (n, t)), generator.integers(-1, 2, (q, n))
    w, S = generator.integers(1, 3, q), generator.integers(-1, 2, (q, t))
    return boxed(
        root @ root.T, np.zeros(n), F.astype(float), G.astype(float), w.astype(float), S.astype(float), generator
    )


def duplicated(draft: Draft, generator) -> Draft:
    chosen = generator.integers(0, len(draft.w), 8)
    factor = np.where(generator.random(8) < 0.5, 1.0, 10 ** generator.uniform(-6, 6, 8))
    return draft.with_rows(
        draft.G[chosen] * factor[:, None], draft.w[chosen] * factor, draft.S[chosen] * factor[:, None]
    )


def scaled(draft: Draft, generator) -> Draft:
    factor = 10 ** generator.uniform(-6, 6, len(draft.w))
    return replace(draft, G=draft.G * factor[:, None], w=draft.w * factor, S=draft.S * factor[:, None])


def touching(draft: Draft, generator) -> Draft:
    """Rows through a vertex of the feasible set in (z, theta), and through the edge where two facets meet."""
    A = np.block([[draft.G, -draft.S], [np.zeros((len(draft.A_theta), len(draft.f))), draft.A_theta]])
    b, n = np.r_[draft.w, draft.b_theta], len(draft.f)
    for _ in range(4):
        row = generator.uniform(0, 1, 2) @ A[generator.choice(len(draft.w), 2, replace=False)]
        if generator.random() < 0.5:
            row = row + 0.5 * generator.normal(size=len(row))
        result = linprog(-row, A, b, bounds=(None, None))
        if result.success:
            draft = draft.with_rows(row[:n], -result.fun, -row[n:])
    return draft


def pointed(draft: Draft, generator) -> Draft:
    """More rows than variables through one point that moves with theta: linear independence fails there."""
    n, t = draft.F.shape
    apex, slope = generator.uniform(0.1, 0.5) * generator.normal(size=n), 0.3 * generator.normal(size=(n, t))
    rows = generator.normal(size=(n + int(generator.integers(1, 5)), n))
    rows *= np.where(rows @ apex < 0, -1.0, 1.0)[:, None]
    half = replace(draft, G=draft.G[::2], w=draft.w[::2], S=draft.S[::2])
    return half.with_rows(rows, rows @ apex, rows @ slope)


def octahedral(draft: Draft, generator) -> Draft:
    """|z1| + .. + |zk| <= 1 + s'theta: at every vertex more facets meet than there are dimensions."""
    n, t = draft.F.shape
    k = min(n, 3)
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * k)).reshape(k, -1).T
    slope = generator.choice([0, 0.2]) * generator.normal(size=t)
    few = replace(draft, G=draft.G[:6], w=draft.w[:6], S=draft.S[:6])
    return few.with_rows(
        np.c_[signs, np.zeros((len(signs), n - k))], np.ones(len(signs)), np.tile(slope, (len(signs), 1))
    )


def without_direction(draft: Draft, generator) -> Draft:
    """Rows of zeros, and limits on theta alone written as rows of G."""
    n, t = draft.F.shape
    slopes = np.vstack([np.zeros((1, t)), generator.normal(size=(2, t)), np.zeros((1, t))])
    factor = 10 ** generator.uniform(-6, 6, 4)
    return draft.with_rows(np.zeros((4, n)), factor * [1, 0.8, 1.2, 0], factor[:, None] * slopes)


def implied(draft: Draft, generator) -> Draft:
    """Two rows, or three, that together say an equality."""
    n, t = draft.F.shape
    few = replace(draft, G=draft.G[:12], w=draft.w[:12], S=draft.S[:12])
    first, second = generator.normal(size=(2, n)), 0.3 * generator.normal(size=(2, t))
    factor = 10 ** generator.uniform(-3, 3, (3, 1))
    if n > 2 and generator.random() < 0.5:
        rows, slopes = np.vstack([first, -first.sum(axis=0)]), np.vstack([second, -second.sum(axis=0)])
        return few.with_rows(factor * rows, np.zeros(3), factor * slopes)
    return few.with_rows(factor[:2] * [first[0], -first[0]], np.zeros(2), factor[:2] * [second[0], -second[0]])


def weak(draft: Draft, generator) -> Draft:
    """Rows on which the solution without limits lies for every theta: active, and without force."""
    rows = generator.normal(size=(int(generator.integers(1, 4)), len(draft.f)))
    free = -np.linalg.solve(draft.H, np.c_[draft.f, draft.F])
    return draft.with_rows(rows, rows @ free[:, 0], rows @ free[:, 1:])


def equal(draft: Draft, generator) -> Draft:
    """Equality rows, the last a multiple of the first."""
    n, t = draft.F.shape
    few = replace(draft, G=draft.G[:12], w=draft.w[:12], S=draft.S[:12])
    count = 1 if n < 4 else int(generator.integers(1, 3))
    rows, slopes = generator.normal(size=(count, n)), 0.3 * generator.normal(size=(count, t))
    more = few.with_rows(np.vstack([rows, -2 * rows[0]]), np.zeros(count + 1), np.vstack([slopes, -2 * slopes[0]]))
    return replace(more, equality_rows=tuple(range(len(few.w), len(more.w))))


def flat(draft: Draft, generator) -> Draft:
    """A parameter set without interior: one parameter is fixed, or a combination of them."""
    t = draft.F.shape[1]
    normal = np.eye(t)[generator.integers(t)] if generator.random() < 0.5 else generator.normal(size=t)
    level = generator.uniform(-0.3, 0.3)
    basis = np.linalg.svd(normal[None])[2][1:].T
    return replace(
        draft,
        A_theta=np.vstack([draft.A_theta, normal, -normal]),
        b_theta=np.r_[draft.b_theta, level, -level],
        origin=level * normal / (normal @ normal),
        basis=np.sqrt(t) * basis,
    )


WAYS = (duplicated, scaled, touching, pointed, octahedral, without_direction, implied, weak, equal, flat)


@cache
def drawn(number: int, seed: int = SEED) -> Draft:
    """Problem number `number`; numbers divisible by 3 go through the ways to be degenerate one after another."""
    generator = np.random.default_rng([seed, number])
    draft = (raw, state_like, raw, state_like, whole)[number % 5](generator)
    if number % 3:
        return draft
    way = WAYS[number // 3 % len(WAYS)]
    return replace(way(draft, generator), kind=way.__name__)
