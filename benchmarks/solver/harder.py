"""Problems that go wrong easily, built from their formulas: broken LICQ, weakly active, repeated and flat rows."""

from itertools import product

import numpy as np

from benchmarks.solver.families import control, double_integrator, softened, spring_chain
from benchmarks.solver.problems import Problem, box, raw


def built_problems(stored: list[Problem]) -> list[Problem]:
    """Every problem that is built here; some are changed copies of stored ones."""
    by_name = {problem.name: problem for problem in stored}
    return [*projections(), weakly_active(), *soft(), *repeated(by_name), touching(by_name), flat(by_name), *larger()]


def projections() -> list[Problem]:
    """The nearest point of a polytope: one region per face, and LICQ fails wherever many facets meet."""
    signs = [np.array(list(product((1, -1), repeat=n)), dtype=float) for n in (3, 4)]
    apex = np.array([[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1], [0, 0, -1]])
    cells = np.vstack([np.eye(4), -np.eye(4), signs[1] / 2])
    return [
        nearest("pyramid", apex, [1, 1, 1, 1, 0], 19, "square pyramid: 1 + 5 facets + 8 edges + 5 vertices"),
        nearest("cube", np.vstack([np.eye(3), -np.eye(3)]), np.ones(6), 27, "cube: 1 + 6 + 12 + 8"),
        nearest("cross4", signs[1], np.ones(16), 81, "4-dimensional cross-polytope: 1 + 16 + 32 + 24 + 8"),
        nearest("cells24", cells, np.ones(24), 241, "24-cell: 1 + 24 + 96 + 96 + 24"),
    ]


def nearest(name, G, w, trusted, source) -> Problem:
    size = G.shape[1]
    zero = np.zeros((len(G), size))
    arrays = raw(np.eye(size), np.zeros(size), -np.eye(size), G, w, zero, *box(np.full(size, 3.0)))
    return Problem(f"hard_{name}", arrays, f"projection on the {source} faces", trusted)


def weakly_active() -> Problem:
    """The row z1 <= theta1 is active everywhere and its multiplier is 0 everywhere."""
    G, S = np.array([[1.0, 0], [0, 1.0]]), np.array([[1.0, 0], [0, 0]])
    arrays = raw(np.eye(2), np.zeros(2), -np.eye(2), G, [0, 0.3], S, *box([1.0, 1.0]))
    return Problem("hard_weak", arrays, "z1 <= theta1 with the free optimum z1 = theta1; z2 <= 0.3", 2)


def soft() -> list[Problem]:
    """One slack for all state limits: its own limit is weakly active wherever nothing is violated."""
    problems = []
    for name, plant, horizon in (("dint", double_integrator(), 6), ("chain2m1u", spring_chain(2, 1), 2)):
        arrays = control(plant, horizon, state_limit=1.5)
        rows = np.arange(2 * len(arrays["H"]), len(arrays["w"]))
        source = f"{name}, horizon {horizon}, one slack on all limits of the states"
        problems.append(Problem(f"hard_soft_{name}", softened(arrays, rows), source))
    return problems


def repeated(stored: dict[str, Problem]) -> list[Problem]:
    """Stored problems with every row twice, the second time multiplied by its own factor."""
    problems = []
    for name in ("pend_N3", "pend_N6", "chain2m1u_N2", "chain3m2u_N2"):
        before, rng = stored[name], np.random.default_rng(5)
        factor = 10 ** rng.uniform(-3, 3, before.rows)
        arrays = dict(before.arrays)
        for key in ("G", "w", "S"):
            scaled = (arrays[key].T * factor).T
            arrays[key] = np.concatenate([arrays[key], scaled])
        source = f"{name} with every row again, times 1e-3 to 1e3"
        problems.append(Problem(f"hard_twice_{name}", arrays, source, before.trusted))
    return problems


def touching(stored: dict[str, Problem]) -> Problem:
    """Sums of input limits touch the box of inputs in one vertex and change nothing."""
    before = stored["dint_N5"]
    arrays = dict(before.arrays)
    sums = np.tril(np.ones((before.variables, before.variables)))[1:]
    limit = np.max(before.arrays["w"][np.abs(before.arrays["G"]).sum(axis=1) == 1])
    arrays["G"] = np.vstack([arrays["G"], sums, -sums])
    arrays["w"] = np.concatenate([arrays["w"], np.tile(limit * sums.sum(axis=1), 2)])
    arrays["S"] = np.vstack([arrays["S"], np.zeros((2 * len(sums), before.parameters))])
    return Problem("hard_touching_dint_N5", arrays, "dint_N5 with rows that touch the box of inputs", before.trusted)


def flat(stored: dict[str, Problem]) -> Problem:
    """A stored problem whose second parameter has no width; 15 pieces once its value is put in, as on any line."""
    before = stored["dint_N5"]
    arrays = dict(before.arrays)
    lower, upper = -np.eye(2)[1], np.eye(2)[1]
    arrays["A_th"] = np.vstack([arrays["A_th"], upper, lower])
    arrays["b_th"] = np.concatenate([arrays["b_th"], [0.2, -0.2]])
    return Problem("hard_flat_dint_N5", arrays, "dint_N5 with the second parameter fixed to 0.2", 15)


def larger() -> list[Problem]:
    """More regions: chains of masses with limits on inputs and states."""
    sizes = [("chain2m1u_N4", 2, 1, 4, 2.0), ("chain2m2u_N3", 2, 2, 3, None), ("chain3m1u_N5", 3, 1, 5, None)]
    problems = []
    for name, masses, inputs, horizon, limit in sizes:
        arrays = control(spring_chain(masses, inputs), horizon, input_limit=0.5, state_limit=limit)
        problems.append(Problem(f"hard_{name}", arrays, f"{masses} masses, {inputs} inputs, horizon {horizon}"))
    return problems
