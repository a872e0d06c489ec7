"""python -m benchmarks.critics: how far the quadratic critic is off under constraints, and what a critic costs."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from rich.console import Console

from mpc import (
    ImplicitMPC,
    LinearModel,
    MPCProblem,
    OutsideDomain,
    condense,
    printed_pendulum,
    printed_reactor,
    solve_explicit,
)
from mpc.explicit.value import value_at
from yann import ConstrainedCritic, YannCritic
from yann.residual_critic import ResidualCritic

PAIRS, DRAWN, BATCH, REPEATS = 300, 12_000, 256, 200
LIMITS = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2)}
COLD = {"input_bounds": (-55, 55), "parameter_bounds": ([-2, -2, -2, -70], [2, 2, 2, 5])}
PENDULUM = MPCProblem(printed_pendulum(), np.diag([1, 0.1]), 0.001, 2, **LIMITS)
REACTOR = MPCProblem(printed_reactor(), 0.1 * np.eye(4), 1e-4, 2, **COLD)
MASS = MPCProblem(
    LinearModel([[1, 1], [0, 1]], [[0.5], [1]], 1.0), np.eye(2), 0.1, 10, ([-10, -5], [10, 5]), input_bounds=(-1, 1)
)


def main() -> None:
    """Print both tables as Markdown."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    _print(console, "plant", "N", "regions", "quadratic / Q", "slopes' ratio", "quadratic / long", "Q / long")
    for name, problem, horizons, far in (("pendulum", PENDULUM, (2, 4, 6), 30), ("reactor", REACTOR, (2, 3), 60)):
        pairs = _pairs(problem, far)
        for horizon in horizons:
            _print(console, name, str(horizon), *_compared(replace(problem, horizon=horizon), *pairs))
    console.print()
    _print(console, "plant", "regions", "quadratic, ms", "constrained, ms")
    for name, problem in (("pendulum", PENDULUM), ("double integrator", MASS)):
        law = solve_explicit(problem)
        critics = YannCritic.from_problem(problem), ConstrainedCritic.from_law(law, problem)
        _print(console, name, str(len(law.regions)), *[f"{_milliseconds(critic):.2f}" for critic in critics])


def _print(console: Console, *entries: str) -> None:
    console.print(f"| {' | '.join(entries)} |")


def _pairs(problem: MPCProblem, far: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states, inputs and Q with `far` steps after the next state, at random points from which it exists."""
    generator, law = np.random.default_rng(0), solve_explicit(problem)
    x = generator.uniform(*problem.domain, (DRAWN, problem.model.n))
    u = generator.uniform(*problem.input_bounds, (DRAWN, problem.model.m))
    ahead = problem.model.step(x, u)
    long = replace(problem, horizon=far)
    online, program = ImplicitMPC(long), condense(long)
    kept, values = [], []
    for i in np.flatnonzero((law.locate(x).margin > 0) & (law.locate(ahead).margin > 0)):
        try:
            values.append(value_at(program, ahead[i], online.solution(ahead[i])))
        except OutsideDomain:
            continue
        kept.append(i)
        if len(kept) == PAIRS:
            break
    x, u, model = x[kept], u[kept], problem.model
    s, v = x - model.state, u - model.input
    stage = ((s @ problem.state_weight) * s).sum(-1) + ((v @ problem.input_weight) * v).sum(-1)
    return x, u, stage + problem.discount * np.array(values)


def _compared(problem: MPCProblem, x: np.ndarray, u: np.ndarray, far: np.ndarray) -> Sequence[str]:
    law = solve_explicit(problem)
    critics = YannCritic.from_problem(problem), ConstrainedCritic.from_law(law, problem)
    (quadratic, flat), (exact, steep) = (_cost_and_slope(critic, x, u) for critic in critics)
    ratios = quadratic / exact, flat / steep, quadratic / far, exact / far
    return str(len(law.regions)), *[" / ".join(f"{q:.2f}" for q in np.quantile(r, (0.5, 0.05))) for r in ratios]


def _cost_and_slope(critic: ResidualCritic, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = torch.tensor(x), torch.tensor(u, requires_grad=True)
    cost = critic.rows(*[part.unsqueeze(0) for part in points])
    (slope,) = torch.autograd.grad(cost.sum(), points[1])
    return cost[0].detach().numpy(), slope[:, 0].numpy()


def _milliseconds(critic: ResidualCritic) -> float:
    """Return the processor time of one batch forward and backward, into weights and inputs; the median."""
    generator = torch.Generator().manual_seed(0)
    unit = 2 * torch.rand(1, BATCH, len(critic.centre), generator=generator, dtype=torch.float64) - 1
    points = critic.centre + unit * critic.scale
    n, times = critic.arguments[0][1], []
    x, u = points[..., :n], points[..., n:].clone().requires_grad_()
    for _ in range(REPEATS):
        start = time.process_time()
        critic.rows(x, u).sum().backward()
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
