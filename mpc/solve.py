"""solve_explicit: the front door from a problem to its law."""

from mpc.condense import condense
from mpc.explicit.errors import ProblemError
from mpc.explicit.explore import Progress
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.limits import Limits
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.multiparametric import solve_multiparametric
from mpc.problem import MPCProblem
from plants.arrays import whole_number

MOST_THREADS = 1024


def solve_explicit(
    problem: MPCProblem | MultiparametricQP,
    progress: Progress | None = None,
    limits: Limits | None = None,
    threads: int = 1,
) -> PiecewiseAffineLaw:
    """Return the explicit law of an MPC problem (state -> first input) or of a raw multiparametric QP (theta -> z).

    `progress` is called with (regions found, active sets waiting). A law that one of the `limits` stopped is partial
    and says so; on any number of `threads` the law is the same to the last bit. Raises Infeasible if no state admits
    a solution, ProblemError for a parameter set that is empty, unbounded or a single point.
    """
    if progress is not None and not callable(progress):
        raise ProblemError(f"`progress` is a {type(progress).__name__}; pass a function (regions, waiting), or None")
    if limits is not None and not isinstance(limits, Limits):
        raise ProblemError(f"`limits` is a {type(limits).__name__}; pass Limits(regions=..., memory=...), or None")
    threads = whole_number(threads, "threads", ProblemError, least=1)
    if threads > MOST_THREADS:
        raise ProblemError(
            f"`threads` is {threads}, but it must be at most {MOST_THREADS}; pass the number of the machine's cores"
        )
    if isinstance(problem, MPCProblem):
        bounds = problem.input_bounds
        return solve_multiparametric(condense(problem), problem.model.m, bounds, progress, limits, threads)
    if not isinstance(problem, MultiparametricQP):
        raise ProblemError(f"`problem` is a {type(problem).__name__}; pass an MPCProblem or a MultiparametricQP")
    return solve_multiparametric(problem, progress=progress, limits=limits, threads=threads)
