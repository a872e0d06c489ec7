"""Laws that the network tests share: the paper's two, one with two inputs, one on a line, one far from the origin."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mpc import LinearModel, MPCProblem, PiecewiseAffineLaw, printed_reactor, solve_explicit
from yann.stacked import StackedNetwork

LAWS = ("pendulum", "reactor", "two inputs", "line", "far")


def pendulum_problem(discount: float = 1.0) -> MPCProblem:
    model = LinearModel(
        A=[[1.01880867, 0.05031309], [0.7546963, 1.01880867]],
        B=[[0.00376173], [0.15093926]],
        sample_time=0.05,
        state_names=("angle", "rate"),
        input_names=("torque",),
    )
    return MPCProblem(
        model,
        state_weight=np.diag([1, 0.1]),
        input_weight=0.001,
        horizon=2,
        state_bounds=([-2, -8], [2, 8]),
        input_bounds=(-2, 2),
        discount=discount,
    )


def reactor_problem(discount: float = 1.0) -> MPCProblem:
    return MPCProblem(
        printed_reactor(),
        state_weight=0.1 * np.eye(4),
        input_weight=1e-4,
        horizon=2,
        input_bounds=(-55, 55),
        parameter_bounds=([-2, -2, -2, -70], [2, 2, 2, 5]),
        discount=discount,
    )


def two_input_problem() -> MPCProblem:
    model = LinearModel(A=[[1.1, 0.2], [0.0, 0.95]], B=[[0.0, 1.0], [0.5, 0.3]], sample_time=1.0)
    box = ([-5, -5], [5, 5])
    return MPCProblem(model, np.eye(2), np.diag([0.1, 0.5]), 2, input_bounds=([-1, -2], [1, 3]), parameter_bounds=box)


def line_problem() -> MPCProblem:
    model = LinearModel(A=[[1.2]], B=[[1.0]], sample_time=1.0)
    return MPCProblem(model, 1.0, 0.1, 3, state_bounds=(-10, 10), input_bounds=(-1, 1))


def far_problem() -> MPCProblem:
    """An operating point at 475 and 2e5: physical numbers far larger than their ranges."""
    model = LinearModel(
        A=[[1.01, 1e-4], [0.0, 0.98]], B=[[0.01], [20.0]], sample_time=1.0, state=[475.0, 2e5], input=[55.0]
    )
    bounds = ([470, 1.99e5], [480, 2.01e5])
    return MPCProblem(model, np.diag([1, 1e-6]), 1e-3, 2, input_bounds=(0, 110), parameter_bounds=bounds)


@pytest.fixture(scope="session")
def laws() -> dict[str, PiecewiseAffineLaw]:
    problems = (pendulum_problem(), reactor_problem(), two_input_problem(), line_problem(), far_problem())
    return {name: solve_explicit(problem) for name, problem in zip(LAWS, problems, strict=True)}


@pytest.fixture(params=LAWS)
def law(request: pytest.FixtureRequest, laws: dict[str, PiecewiseAffineLaw]) -> PiecewiseAffineLaw:
    return laws[request.param]


@pytest.fixture(scope="session")
def pendulum(laws: dict[str, PiecewiseAffineLaw]) -> PiecewiseAffineLaw:
    return laws["pendulum"]


@pytest.fixture(scope="session")
def reactor(laws: dict[str, PiecewiseAffineLaw]) -> PiecewiseAffineLaw:
    return laws["reactor"]


@pytest.fixture(scope="session")
def problems() -> dict[str, Callable[[float], MPCProblem]]:
    """The paper's problems, by discount."""
    return {"pendulum": pendulum_problem, "reactor": reactor_problem}


@pytest.fixture(scope="session")
def draw_points() -> Callable[..., np.ndarray]:
    """Points uniform on a law's box, widened by a factor."""

    def draw(law: PiecewiseAffineLaw, shape: tuple[int, ...] = (500,), wide: float = 1.0, seed: int = 0) -> np.ndarray:
        unit = np.random.default_rng(seed).uniform(-wide, wide, (*shape, law.t))
        return law.centre + unit * law.half_width

    return draw


@pytest.fixture(scope="session")
def shake() -> Callable[..., StackedNetwork]:
    """Return the same network with other weights, as if trained."""

    def shaken(network: StackedNetwork, size: float = 0.3) -> StackedNetwork:
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(size * torch.randn(parameter.shape, generator=generator))
        return network

    return shaken
