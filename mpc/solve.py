"""solve_explicit: the front door from a problem to its law."""

from mpc.condense import condense
from mpc.explicit.errors import ProblemError
from mpc.explicit.explore import Progress
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multiparametric import solve_multiparametric
from mpc.problem import MPCProblem


def solve_explicit(problem: MPCProblem | MultiparametricQP, progress: Progress | None = None) -> PiecewiseAffineLaw:
    """Return the explicit law of an MPC problem (state -> first input) or of a raw multiparametric QP (theta -> z).

    `progress` is called with (regions found, active sets waiting). Raises Infeasible if no state admits a solution,
    ProblemError for a parameter set that is empty, flat or unbounded.
    """
    if progress is not None and not callable(progress):
        raise ProblemError(f"`progress` is a {type(progress).__name__}; pass a function (regions, waiting), or None")
    if isinstance(problem, MPCProblem):
        return solve_multiparametric(condense(problem), problem.model.m, problem.input_bounds, progress)
    if not isinstance(problem, MultiparametricQP):
        raise ProblemError(f"`problem` is a {type(problem).__name__}; pass an MPCProblem or a MultiparametricQP")
    return solve_multiparametric(problem, progress=progress)
