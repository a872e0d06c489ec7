"""What must hold of the parts of a closed loop before it runs: law, estimator and schedules fit the problem."""

from collections.abc import Mapping

from mpc.explicit.errors import ProblemError
from mpc.problem import MPCProblem
from mpc.tracking.estimate import KalmanFilter
from mpc.tracking.outside import Outside
from mpc.tracking.schedule import Schedule, ScheduleLike, schedule
from plants.arrays import instance_of


def check_law(law: object, problem: MPCProblem, outside: Outside) -> None:
    """Raise ProblemError unless the law takes the problem's theta and has what the policy outside needs."""
    if isinstance(law, type) or not callable(law):
        raise ProblemError(
            f"`law` is {law!r}, but a function of theta is needed: solve_explicit(problem), ImplicitMPC(problem) or a "
            "network"
        )
    names = getattr(law, "parameter_names", None)
    if names is not None and tuple(names) != problem.layout.names:
        raise ProblemError(
            f"`law` takes {len(names)} parameters ({', '.join(names)}), but the problem's theta has "
            f"{len(problem.layout.names)} ({', '.join(problem.layout.names)}); pass the problem that the law solves"
        )
    if isinstance(outside, type) or not callable(getattr(outside, "inputs", None)):
        raise ProblemError(f"`outside` is {outside!r}; pass InsideOnly(), NearestRegion() or ClippedTheta()")
    outside.check(law)


def check_estimator(estimator: KalmanFilter | None, measure: object, problem: MPCProblem) -> None:
    """Raise ProblemError unless the estimator has the problem's states, inputs and disturbances."""
    if estimator is None:
        if measure is not None:
            raise ProblemError("`measure` was given, but no `estimator` that reads it; pass a KalmanFilter")
        return
    instance_of(estimator, KalmanFilter, "estimator", ProblemError, "pass KalmanFilter(model, ...)")
    for kind in ("state", "input", "disturbance"):
        own, other = (tuple(getattr(m, f"{kind}_names")) for m in (estimator.model, problem.model))
        if own != other:
            raise ProblemError(
                f"`estimator` has {len(own)} {kind}s ({', '.join(own)}), but the problem {len(other)} "
                f"({', '.join(other)}); give both the same model (outputs may differ)"
            )
    if estimator.estimated and problem.layout.disturbance is None:
        raise ProblemError(
            f"`estimator` estimates {len(estimator.estimated)} disturbances, but theta holds 0; give the problem "
            "parameters=(Disturbance(lower, upper),)"
        )


def fitted_schedule(
    problem: MPCProblem, name: str, given: ScheduleLike | None, told: list[int] | None
) -> Schedule | None:
    """Return the schedule of the components `told` of a block of theta (None: of all); None where there are none.

    `name` is setpoint or disturbance. Raises ProblemError for one that is missing or too many, or out of range.
    """
    block = problem.layout.blocks.get(name)
    labels = () if block is None else block_labels(problem, name)
    chosen = [i for i in (range(len(labels)) if told is None else told) if i < len(labels)]
    if (given is None) == bool(chosen):
        trouble = "is missing, but theta holds it" if chosen else "was given, but nothing reads it"
        raise ProblemError(f"`{name}` {trouble}: theta is ({', '.join(problem.layout.names)})")
    if given is None or block is None:
        return None
    return schedule(given, name, [labels[i] for i in chosen], (block.lower[chosen], block.upper[chosen]))


def own_schedules(problem: MPCProblem, given: Mapping[str, ScheduleLike] | None) -> dict[str, Schedule]:
    """Return the schedules of parameters of one's own by name; raises ProblemError as fitted_schedule does."""
    values, blocks = {} if given is None else given, problem.layout.own
    instance_of(values, Mapping, "own", ProblemError, "pass values by name, as in {'price': 2.0}")
    for name in (*values, *blocks):
        if (name in values) != (name in blocks):
            trouble = "is missing, but theta holds it" if name in blocks else "was given, but nothing reads it"
            raise ProblemError(f"`own[{name!r}]` {trouble}: theta is ({', '.join(problem.layout.names)})")
    sides = {name: (block.lower[:1], block.upper[:1]) for name, block in blocks.items()}
    return {name: schedule(values[name], f"own[{name!r}]", [name], sides[name]) for name in blocks}


def block_labels(problem: MPCProblem, name: str) -> tuple[str, ...]:
    """Return the names of one step's components of the setpoint or the disturbance."""
    if name == "disturbance" or problem.setpoint is None:
        return tuple(problem.model.disturbance_names)
    return tuple(problem.model.output_names[i] for i in problem.setpoint.tracked(problem.model))
