import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from mpc import (
    CrossWeight,
    ImplicitMPC,
    LinearCost,
    LinearModel,
    MoveBlocking,
    MoveBounds,
    MoveWeight,
    MPCProblem,
    OutputWeight,
    OwnParameter,
    Prestabilised,
    Setpoint,
    Soft,
    StateBounds,
    condense,
    solve_explicit,
)
from mpc.explicit.multipliers import multipliers_at
from mpc.parameters import Disturbance
from plants import clipped_pendulum
from rl import DDPG, DDPGSettings, train
from yann import ConstrainedCritic, NetworkError, YannActor, YannCritic

MODEL = LinearModel(
    A=[[1.0, 0.3], [0.0, 0.9]],
    B=[[0.1], [0.5]],
    sample_time=0.3,
    state=[2.0, -1.0],
    input=[0.5],
    E=[[0.1], [0.2]],
    C=[[1.0, 0.0]],
    state_names=("place", "speed"),
    input_names=("force",),
    output_names=("place",),
)
BOX = ([-2, -4], [6, 2])
BASE = MPCProblem(MODEL, np.diag([1, 0.1]), 0.2, 3, BOX, ([-1], [1.6]), discount=0.97)
RICH = {
    "cross and output weights": {"costs": (CrossWeight([[0.05], [0.02]]), OutputWeight(0.3))},
    "moves weighed": {"costs": (MoveWeight(0.4),)},
    "moves limited": {"constraints": (MoveBounds([-0.4], [0.6]),)},
    "fixed prices": {"costs": (LinearCost(state=[0.2, 0.0], input=[-0.3]),)},
    "own price": {"costs": (LinearCost(input=[1.0], parameter="price"),), "parameters": (OwnParameter("price", 0, 2),)},
    "fixed setpoint": {"parameters": (Setpoint([1.0], outputs=("place",)),)},
    "setpoint": {"parameters": (Setpoint([0.5], [1.5], outputs=("place",)),)},
    "disturbance": {"parameters": (Disturbance([-1], [0.4]),)},
    "prestabilised": {"plan": Prestabilised()},
}


def stage_cost(problem, x, u):
    s, v = x - problem.model.state, u - problem.model.input
    return ((s @ problem.state_weight) * s).sum(-1) + ((v @ problem.input_weight) * v).sum(-1)


def value(problem, x):
    """The optimal cost (k,) at states (k, n): an online QP's inputs, run through the model and charged step by step."""
    inputs, m, total = ImplicitMPC(problem).solution(x), problem.model.m, np.zeros(len(x))
    for k in range(problem.horizon):
        u = inputs[:, k * m : (k + 1) * m]
        total += problem.discount**k * stage_cost(problem, x, u)
        x = problem.model.step(x, u)
    s = x - problem.model.state
    return total + problem.discount**problem.horizon * ((s @ problem.final_weight) * s).sum(-1)


def cost_to_go(problem, x, u):
    return stage_cost(problem, x, u) + problem.discount * value(problem, problem.model.step(x, u))


def pairs(problem, law, count, seed=0, room=1e-3):
    """States and inputs whose next state lies inside a region, by `room` half widths."""
    generator = np.random.default_rng(seed)
    x = law.centre + generator.uniform(-1, 1, (200 * count, law.t)) * law.half_width
    u = generator.uniform(*problem.input_bounds, (len(x), law.m))
    inside = np.flatnonzero(law.locate(problem.model.step(x, u)).margin > room)[:count]
    return x[inside], u[inside]


def line_problem():
    model = LinearModel(A=[[1.2]], B=[[1.0]], sample_time=1.0)
    return MPCProblem(model, 1.0, 0.1, 3, state_bounds=(-10, 10), input_bounds=(-1, 1), discount=0.95)


def two_input_problem():
    model = LinearModel(A=[[1.1, 0.2], [0.0, 0.95]], B=[[0.0, 1.0], [0.5, 0.3]], sample_time=1.0)
    bounds = {"state_bounds": ([-5, -5], [5, 5]), "input_bounds": ([-1, -2], [1, 3])}
    return MPCProblem(model, np.eye(2), np.diag([0.1, 0.5]), 2, **bounds)


def far_problem():
    """Physical numbers far larger than their ranges."""
    point = {"state": [475.0, 2e5], "input": [55.0]}
    model = LinearModel(A=[[1.01, 1e-4], [0.0, 0.98]], B=[[0.01], [20.0]], sample_time=1.0, **point)
    bounds = {"state_bounds": ([470, 1.99e5], [480, 2.01e5]), "input_bounds": (0, 110)}
    return MPCProblem(model, np.diag([1, 1e-6]), 1e-3, 2, **bounds)


@pytest.fixture(scope="module")
def case(problems):
    """Return problem, law and critic by name, made once."""
    makers = {name: lambda name=name: problems[name](0.97) for name in ("pendulum", "reactor")}
    makers |= {"line": line_problem, "two inputs": two_input_problem, "far": far_problem}
    made = {}

    def make(name):
        if name not in made:
            problem = makers[name]()
            law = solve_explicit(problem)
            made[name] = problem, law, ConstrainedCritic.from_law(law, problem)
        return made[name]

    return make


NAMES = ("pendulum", "reactor", "line", "two inputs", "far")


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_is_that_of_an_online_program(case, name):
    problem, law, critic = case(name)
    x, u = pairs(problem, law, 60)
    wanted = cost_to_go(problem, x, u)
    cost, region, valid = critic.evaluate(x, u)
    assert len(np.unique(region)) > 2
    assert valid.all()
    assert (np.abs(cost - wanted) <= 1e-8 * np.abs(wanted)).all()
    assert np.array_equal(cost, critic(x, u))
    assert np.array_equal(region, law.locate(problem.model.step(x, u)).region)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_are_those_of_an_online_program(case, name):
    problem, law, critic = case(name)
    # Within a region central differences of a quadratic are exact, however long.
    x, u = pairs(problem, law, 15, seed=1, room=1e-2)
    steps = 2e-3 * critic.scale.numpy()
    both, n = np.hstack([x, u]), x.shape[1]
    wanted = np.empty_like(both)
    for i, step in enumerate(np.diag(steps)):
        ahead, behind = (cost_to_go(problem, w[:, :n], w[:, n:]) for w in (both + step, both - step))
        wanted[:, i] = (ahead - behind) / (2 * steps[i])
        moved = [problem.model.step(w[:, :n], w[:, n:]) for w in (both + step, both - step)]
        assert np.array_equal(*(law.locate(next_state).region for next_state in moved))
    points = [torch.tensor(part, requires_grad=True) for part in (x, u)]
    got = np.hstack([g.numpy() for g in torch.autograd.grad(critic(*points).sum(), points)])
    error, size = np.abs(got - wanted) * critic.scale.numpy(), np.abs(wanted * critic.scale.numpy()).max()
    assert error.max() <= 1e-8 * size


@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_are_those_of_the_multipliers(case, name):
    """dV/dtheta = F'z + c + Y theta - S'lambda with z of an online program, up to 1e-6 beside a facet."""
    problem, law, critic = case(name)
    x, u = pairs(problem, law, 60, seed=6, room=1e-6)
    program, online, model = condense(problem), ImplicitMPC(problem), problem.model
    wanted = []
    for state, control, ahead in zip(x, u, model.step(x, u), strict=True):
        z = online.solution(ahead)
        slope = program.F.T @ z + program.constant.c + program.constant.Y @ ahead
        slope = problem.discount * (slope - program.S.T @ multipliers_at(program, ahead, z))
        now = problem.state_weight @ (state - model.state), problem.input_weight @ (control - model.input)
        wanted.append(np.r_[2 * now[0] + model.A.T @ slope, 2 * now[1] + model.B.T @ slope])
    points = [torch.tensor(part, requires_grad=True) for part in (x, u)]
    got = np.hstack([g.numpy() for g in torch.autograd.grad(critic(*points).sum(), points)])
    scale, wanted = critic.scale.numpy(), np.array(wanted)
    assert ((np.abs(got - wanted) * scale).max(axis=1) <= 1e-10 * np.abs(wanted * scale).max(axis=1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_its_minimum_is_the_value_of_one_step_more(case, name):
    problem, law, critic = case(name)
    longer = replace(problem, horizon=problem.horizon + 1, terminal_weight=problem.final_weight)
    generator = np.random.default_rng(2)
    x = law.centre + generator.uniform(-1, 1, (300, law.t)) * law.half_width
    x = x[solve_explicit(longer).locate(x).margin > 1e-6][:20]
    best = ImplicitMPC(longer)(x)
    least = value(longer, x)
    cost, _, valid = critic.evaluate(x, best)
    assert np.allclose(cost[valid], least[valid], rtol=1e-8, atol=0)
    assert valid.mean() > 0.7
    others = generator.uniform(*problem.input_bounds, (50, len(x), law.m))
    cost, _, valid = critic.evaluate(np.broadcast_to(x, (50, *x.shape)), others)
    assert (cost >= least * (1 - 1e-9))[valid].all()


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_where_no_limit_is_active_it_is_the_infinite_horizon(problems, discount):
    problem = problems["pendulum"](discount)
    law = solve_explicit(problem)
    critic, quadratic = ConstrainedCritic.from_law(law, problem), YannCritic.from_problem(problem)
    free = next(i for i, region in enumerate(law.regions) if not region.active)
    x, u = pairs(problem, law, 3000)
    cost, region, _ = critic.evaluate(x, u)
    wanted = quadratic(x, u)
    assert np.allclose(cost[region == free], wanted[region == free], rtol=1e-11, atol=0)
    assert (cost[region != free] > wanted[region != free]).all()
    assert (region == free).sum() > 50


@pytest.mark.parametrize("name", RICH)
def test_what_else_a_problem_says_counts(name):
    """Against cvxpy, which shares no condensing: one step more at its own first input costs its own value."""
    problem = replace(BASE, **RICH[name])
    law = solve_explicit(problem)
    critic = ConstrainedCritic.from_law(law, problem)
    longer = replace(problem, horizon=problem.horizon + 1, terminal_weight=problem.final_weight)
    stated, checked = longer.to_cvxpy(), 0
    theta = law.centre + np.random.default_rng(4).uniform(-0.7, 0.7, (60, law.t)) * law.half_width
    for point in theta[solve_explicit(longer).locate(theta).margin > 1e-3][:8]:
        answer = stated.solve(point)
        cost, _, valid = critic.evaluate(point, answer.first)
        checked += bool(valid)
        assert not valid or abs(cost - answer.value) <= 1e-7 * (1 + abs(answer.value))
    assert checked > 3


@pytest.mark.parametrize("quadratic", [5.0, 0.5])
@pytest.mark.parametrize("shared", [True, False])
def test_soft_limits_cost_their_penalty(quadratic, shared):
    soft = Soft(StateBounds(*BOX), quadratic, linear=0.3, shared=shared)
    problem = replace(BASE, state_bounds=None, constraints=(soft,), parameter_bounds=([-4, -6], [8, 4]), horizon=2)
    law = solve_explicit(problem)
    critic, stated = ConstrainedCritic.from_law(law, problem), problem.to_cvxpy()
    x, u = pairs(problem, law, 10, seed=5)
    wanted = stage_cost(problem, x, u) + 0.97 * np.array([stated.solve(y).value for y in problem.model.step(x, u)])
    assert np.allclose(critic(x, u), wanted, rtol=1e-7, atol=0)


def test_a_plan_with_held_inputs_has_its_own_value():
    problem = replace(BASE, plan=MoveBlocking((1, 2)))
    law = solve_explicit(problem)
    critic, stated = ConstrainedCritic.from_law(law, problem), problem.to_cvxpy()
    x, u = pairs(problem, law, 6, seed=6)
    wanted = stage_cost(problem, x, u) + 0.97 * np.array([stated.solve(y).value for y in problem.model.step(x, u)])
    assert np.allclose(critic(x, u), wanted, rtol=1e-7, atol=0)


def test_beyond_the_domain_the_nearest_quadratic_goes_on_and_is_flagged(case):
    problem, law, critic = case("pendulum")
    x = law.centre + np.random.default_rng(7).uniform(-3, 3, (400, 2)) * law.half_width
    u = np.random.default_rng(8).uniform(-2, 2, (400, 1))
    cost, region, valid = critic.evaluate(x, u)
    ahead = problem.model.step(x, u)
    assert np.array_equal(valid, law.nearest(ahead)[2])
    assert 20 < valid.sum() < 200
    assert np.isfinite(cost).all()
    for i in np.flatnonzero(~valid)[:20]:
        piece = law.regions[region[i]]
        wanted = float(stage_cost(problem, x[i], u[i]))
        z, s = piece.solution_gain @ ahead[i] + piece.solution_offset, ahead[i]
        for k in range(2):
            wanted += 0.97 ** (k + 1) * float(stage_cost(problem, s, z[k : k + 1]))
            s = problem.model.step(s, z[k : k + 1])
        assert np.isclose(cost[i], wanted + 0.97**3 * s @ problem.final_weight @ s, rtol=1e-10)
    assert np.isfinite(critic([1e90, -1e90], [1e90]))
    with pytest.raises(NetworkError, match=r"`state` holds 1e\+150, but a quadratic cost overflows beyond 1e\+100"):
        critic([1e150, 0.0], [0.0])
    with pytest.raises(NetworkError, match=r"`input`.* (nan|NaN)"):
        critic.evaluate([0.0, 0.0], [np.nan])


@pytest.mark.parametrize("batch", [(), (7,), (2, 3)])
def test_shapes_and_kinds(case, batch, shake):
    _, _, critic = case("two inputs")
    x, u = np.ones((*batch, 2)), np.ones((*batch, 2))
    for given in ((x, u), (torch.tensor(x), u), (x, torch.tensor(u))):
        kind = torch.Tensor if any(isinstance(part, torch.Tensor) for part in given) else np.ndarray
        answers = critic.evaluate(*given)
        assert all(isinstance(part, kind) and part.shape == batch for part in answers)
        assert critic(*given).shape == batch
    stack = shake(critic.replicate([1, 2]))
    costs, _, valid = stack.evaluate(np.broadcast_to(x, (2, *x.shape)), np.broadcast_to(u, (2, *u.shape)))
    assert valid.shape == costs.shape == (2, *batch)
    assert np.array_equal(costs[1], stack.member(1)(x, u))
    assert (costs[0] != costs[1]).all()
    assert stack.discount == critic.discount
    assert "2 + 2 -> 1, members=2, discount=1, regions=" in repr(stack)


def test_only_the_residual_trains(case):
    _, law, critic = case("pendulum")
    critic = copy.deepcopy(critic)
    assert sum(p.numel() for p in critic.parameters()) == (3 + 1) * 64 + 65 * 64 + 65
    x, u = torch.tensor([[0.3, -0.5]]), torch.tensor([[0.4]])
    before, wanted = critic(x, u).item(), critic(x, u).item() + 2.0
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        (critic(x, u) - wanted).square().sum().backward()
        optimiser.step()
    assert abs(critic(x, u).item() - wanted) < 0.1 < wanted - before
    assert critic.law_digest == law.digest


def test_ddpg_trains_with_it_and_takes_its_discount(case):
    _, law, critic = case("pendulum")
    agent = DDPG(YannActor.from_law(law), critic, DDPGSettings(batch_size=8, exploration=0.1))
    assert agent.discount == 0.97
    result = train(agent, clipped_pendulum(), seeds=[0, 1], episodes=1, steps=30)
    assert result.discount == 0.97
    assert len(result.critics) == 2
    for trained in result.critics:
        assert np.isfinite(trained([0.2, 0.2], [0.0]))
        assert trained([0.2, 0.2], [0.0]) != critic([0.2, 0.2], [0.0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"norm": 1}, "`problem` has norm 1, but this critic is quadratic on every region"),
        (
            {"parameters": (Setpoint([0.5], [1.5], outputs=("place",), preview=True),)},
            "knows its setpoint 3 steps ahead, but .*`preview=False`",
        ),
        ({"horizon": 2}, r"another problem than `problem`: its H has shape \(3, 3\), but here it is \(2, 2\)"),
        ({"state_weight": np.eye(2)}, r"another problem .*: its H holds .*, but here .*; pass law=solve_explicit"),
        ({"input_bounds": ([-1], [2.5])}, r"another problem .*: its w holds 1.6 at \[\d\], but here 2.5"),
    ],
)
def test_what_does_not_fit_is_named(changes, words):
    law = solve_explicit(BASE)
    with pytest.raises(NetworkError, match=words):
        ConstrainedCritic.from_law(law, replace(BASE, **changes))


def test_wrong_arguments_are_named(case):
    problem, law, _ = case("pendulum")
    with pytest.raises(NetworkError, match="`hidden` is 0, but it must be at least 1"):
        ConstrainedCritic.from_law(law, problem, hidden=0)
    with pytest.raises(NetworkError, match=r"`law` is .*MPCProblem.*; pass the PiecewiseAffineLaw"):
        ConstrainedCritic.from_law(problem, problem)
    with pytest.raises(NetworkError, match=r"`problem` is .*PiecewiseAffineLaw.*; pass the MPCProblem"):
        ConstrainedCritic.from_law(law, law)
    with pytest.raises(NetworkError, match=r"`law` holds no problem, as a merged law does not"):
        ConstrainedCritic.from_law(law.merged(), problem)


class HeldInput(OutputWeight):
    """A cost whose step 0 looks at step 1 too."""

    def terms(self, prediction, discount):
        term = next(super().terms(prediction, discount))
        yield replace(term, deviation=prediction.outputs[2])


def test_a_cost_that_looks_further_than_its_step_is_refused():
    problem = replace(BASE, costs=(HeldInput(0.1),))
    with pytest.raises(NetworkError, match="a term of step 0 on the outputs depends on later inputs too"):
        ConstrainedCritic.from_law(solve_explicit(problem), problem)
