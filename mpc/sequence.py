"""The plan of an MPC problem as an action: its first inputs, carried out one after another without looking."""

from dataclasses import replace
from typing import cast

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.explicit.explore import Progress
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.limits import Limits
from mpc.explicit.region import Regions
from mpc.problem import MPCProblem
from mpc.solve import solve_explicit
from plants.arrays import instance_of, whole_number


def sequence_law(
    problem: MPCProblem,
    moves: int,
    progress: Progress | None = None,
    limits: Limits | None = None,
    threads: int = 1,
) -> PiecewiseAffineLaw:
    """Return the law of the first `moves` inputs of the plan: theta -> u_0, u_1 and so on, (..., moves m).

    It has the regions of `solve_explicit(problem)`, and u_0 is what that law gives; the input bounds are those of
    the problem, once for each step. It is a law like any other, for `sequence_plant(plant, moves)`; `progress`,
    `limits` and `threads` are those of solve_explicit.

    Raises ProblemError for `moves` beyond the horizon or beyond the inputs that the problem's plan leaves free,
    and whatever solve_explicit raises.
    """
    instance_of(problem, MPCProblem, "problem", ProblemError, "pass MPCProblem(linearise(plant), ...)")
    moves = whole_number(moves, "moves", ProblemError, least=1)
    _check_plan(problem, moves)
    law = solve_explicit(problem, progress, limits, threads)
    count, regions = moves * problem.model.m, cast(Regions, law.regions)
    wider = replace(
        regions,
        gain=np.ascontiguousarray(regions.solution_gain[:, :count]),
        offset=np.ascontiguousarray(regions.solution_offset[:, :count]),
    )
    bounds = problem.input_bounds
    repeated = None if bounds is None else (np.tile(bounds[0], moves), np.tile(bounds[1], moves))
    return replace(law, regions=wider, input_bounds=repeated)


def _check_plan(problem: MPCProblem, moves: int) -> None:
    """Raise ProblemError unless each of the first `moves` inputs is a free variable, and one of its own."""
    horizon = problem.horizon
    if moves > horizon:
        raise ProblemError(
            f"`moves` is {moves}, but the plan ends after `horizon` {horizon} steps; lengthen the horizon, or take at "
            f"most {horizon} moves"
        )
    if problem.plan.feedback(problem) is not None and moves > 1:
        raise ProblemError(
            f"`moves` is {moves}, but `plan` {type(problem.plan).__name__} corrects a feedback, which open loop has "
            "not: only its first input is a variable; use EveryStep()"
        )
    blocks = problem.plan.blocks(horizon)
    own = next((k for k in range(horizon) if blocks[k] != k), horizon)
    if own < moves:
        raise ProblemError(
            f"`moves` is {moves}, but `plan` {type(problem.plan).__name__} holds the input of step {own - 1} at step "
            f"{own}, so that only {own} of them are free; take at most {own} moves, or EveryStep()"
        )
