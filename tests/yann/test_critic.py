from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_are

from mpc import CrossWeight, LinearModel, MoveBounds, MoveWeight, MPCProblem, OutputWeight, Setpoint
from yann import NetworkError, YannCritic


def riccati_cost(problem, x, u):
    """x'Qx + u'Ru + g V(x+), with V summed over 4,000 steps of the regulator's own closed loop: no DARE inside."""
    A, B, g = problem.model.A, problem.model.B, problem.discount
    Q, R = problem.state_weight, problem.input_weight
    P = solve_discrete_are(np.sqrt(g) * A, np.sqrt(g) * B, Q, R)
    K = np.linalg.solve(R + g * B.T @ P @ B, g * B.T @ P @ A)
    cost = np.einsum("bi,ij,bj->b", x, Q, x) + np.einsum("bi,ij,bj->b", u, R, u)
    state = x @ A.T + u @ B.T
    for step in range(1, 4000):
        move = -state @ K.T
        stage = np.einsum("bi,ij,bj->b", state, Q, state) + np.einsum("bi,ij,bj->b", move, R, move)
        cost += g**step * stage
        state = state @ A.T + move @ B.T
    return cost


@pytest.mark.parametrize("name", ["pendulum", "reactor"])
@pytest.mark.parametrize("discount", [1.0, 0.99, 0.95])
def test_a_new_critic_is_the_cost_to_go(problems, name, discount):
    problem = problems[name](discount)
    critic = YannCritic.from_problem(problem)
    generator = np.random.default_rng(0)
    x, u = generator.normal(size=(50, problem.model.n)), generator.normal(size=(50, problem.model.m))
    wanted = riccati_cost(problem, x, u)
    assert np.abs(critic(x, u) - wanted).max() <= 1e-9 * np.abs(wanted).max()
    assert critic.discount == discount


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_its_minimum_over_the_input_is_the_value(problems, discount):
    problem = problems["pendulum"](discount)
    A, B, g = problem.model.A, problem.model.B, discount
    P = solve_discrete_are(np.sqrt(g) * A, np.sqrt(g) * B, problem.state_weight, problem.input_weight)
    critic = YannCritic.from_problem(problem)
    x = np.random.default_rng(1).normal(size=(20, 2))
    u = torch.zeros(20, 1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(torch.tensor(x), u).sum(), u)
    best = -slope.numpy() / (2 * critic.weight[2, 2].item())
    wanted = np.einsum("bi,ij,bj->b", x, P, x)
    assert np.allclose(critic(x, best), wanted, rtol=1e-11, atol=0)
    assert (critic(x, best + 0.1) > wanted).all()


def test_it_counts_from_the_operating_point():
    model = LinearModel(A=[[0.9]], B=[[1.0]], sample_time=1.0, state=[475.0], input=[55.0])
    problem = MPCProblem(model, 1.0, 0.1, 2, input_bounds=(0, 110), parameter_bounds=(400, 500))
    centred = MPCProblem(LinearModel(A=[[0.9]], B=[[1.0]], sample_time=1.0), 1.0, 0.1, 2, parameter_bounds=(-1, 1))
    far, near = YannCritic.from_problem(problem), YannCritic.from_problem(centred)
    assert far([475.0], [55.0]) == 0.0
    assert np.isclose(far([476.0], [54.0]), near([1.0], [-1.0]), rtol=1e-12)
    assert far.scale.tolist() == [50.0, 55.0]
    assert near.scale[1] > 0


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_cross_and_output_weights_count_in_every_stage(discount):
    point = {"state": [3.0, -1.0], "input": [0.5]}
    model = LinearModel(A=[[0.6, 0.2], [0.0, 0.5]], B=[[0.0], [1.0]], sample_time=1.0, C=[[1.0, 2.0]], **point)
    costs = (CrossWeight([[0.3], [-0.2]]), OutputWeight(0.7))
    wide = {"parameter_bounds": ([-50, -50], [50, 50])}
    problem = MPCProblem(model, np.eye(2), 0.5, 2, discount=discount, costs=costs, **wide)
    critic = YannCritic.from_problem(problem)
    generator = np.random.default_rng(3)
    x, u = generator.normal(size=(6, 2)), generator.normal(size=(6, 1))
    # Without limits a long horizon with any terminal weight is the cost-to-go.
    long = replace(problem, horizon=30, terminal_weight=np.eye(2)).to_cvxpy()
    s, v = x - model.state, u - model.input
    cost = (s**2).sum(-1) + 0.5 * v[:, 0] ** 2 + 0.7 * (s @ [1.0, 2.0]) ** 2 + 2 * (s @ [0.3, -0.2]) * v[:, 0]
    wanted = cost + discount * np.array([long.solve(after).value for after in model.step(x, u)])
    assert np.allclose(critic(x, u), wanted, rtol=1e-9, atol=0)
    assert critic(model.state, model.input) == 0.0


def test_numbers_whose_squares_overflow_are_refused(problems):
    critic = YannCritic.from_problem(problems["pendulum"](1.0))
    with pytest.raises(NetworkError, match=r"`input` holds 1e\+200, but a quadratic cost overflows beyond 1e\+100"):
        critic([0.0, 0.0], [-1e200])
    assert np.isfinite(critic([1e100, -1e100], [1e100]))


@pytest.mark.parametrize("batch", [(), (256,)])
def test_shapes_and_kinds(problems, batch):
    critic = YannCritic.from_problem(problems["pendulum"](1.0))
    assert critic(np.ones((*batch, 2)), np.ones((*batch, 1))).shape == batch
    assert critic(torch.ones(*batch, 2), torch.ones(*batch, 1)).shape == batch
    stack = critic.replicate([1, 2])
    assert stack(np.ones((2, *batch, 2)), np.ones((2, *batch, 1))).shape == (2, *batch)
    assert stack.discount == 1.0


def test_it_learns_a_residual(problems):
    critic = YannCritic.from_problem(problems["pendulum"](1.0), hidden=16)
    generator = torch.Generator().manual_seed(0)
    x, u = (torch.rand(256, k, generator=generator, dtype=torch.float64) * 2 - 1 for k in (2, 1))
    wanted = critic(x, u).detach() + torch.sin(3 * x[:, 0])
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        loss = ((critic(x, u) - wanted) ** 2).mean()
        loss.backward()
        optimiser.step()
    assert loss < 0.02
    assert sum(p.numel() for p in critic.parameters()) == (3 + 1) * 16 + 17 * 16 + 17


@pytest.mark.parametrize(
    ("problem", "hidden", "words"),
    [
        ("pendulum", 0, "`hidden` is 0, but it must be at least 1"),
        (None, 64, "`problem` is NoneType; pass the MPCProblem"),
    ],
)
def test_wrong_arguments_are_named(problems, problem, hidden, words):
    given = problems[problem](1.0) if problem else None
    with pytest.raises(NetworkError, match=words):
        YannCritic.from_problem(given, hidden)


def test_widths_beyond_any_memory_are_refused(problems):
    with pytest.raises(NetworkError, match="`hidden` makes a layer 1,000,000 wide"):
        YannCritic.from_problem(problems["pendulum"](1.0), hidden=10**6)


def test_a_cost_in_another_norm_has_no_quadratic_critic(problems):
    problem = replace(problems["pendulum"](1.0), norm=1, terminal_weight=None)
    with pytest.raises(NetworkError, match="norm 1, but this critic is quadratic: pass an MPCProblem with norm 2"):
        YannCritic.from_problem(problem)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"costs": (MoveWeight(0.1), OutputWeight(np.eye(2)))},
            r"has costs \(MoveWeight\), but this .*take ConstrainedCritic.from_law\(law, problem\), .*costs=\.\.\.\)",
        ),
        (
            {"parameters": (Setpoint([-1], [1], outputs=("angle",)),)},
            r"has parameters \(Setpoint\), .*parameters=\.\.\.\)",
        ),
        ({"parameters": (Setpoint(0.1, outputs="angle"),)}, r"has parameters \(Setpoint\)"),
        ({"constraints": (MoveBounds(-1, 1),)}, "limits moves, so that its cost depends on the previous input"),
    ],
)
def test_what_the_critic_does_not_know_is_named(problems, changes, words):
    plain = problems["pendulum"](1.0)
    with pytest.raises(NetworkError, match=words):
        YannCritic.from_problem(replace(plain, **changes))
    assert YannCritic.from_problem(replace(plain, **dict.fromkeys(changes, ()))) is not None
