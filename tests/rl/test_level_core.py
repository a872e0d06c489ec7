"""LevelCore: exact for linear plants, stated for the reactor, refused in words where there is none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import LinearModel, MPCProblem, dlqr, linearise, solve_explicit
from plants import Plant, QuadraticCost, safety_cstr, simulate
from rl import CoredActor, LevelCore, TrainingError
from yann import YannActor


def linear(A, B, limit=1.0, **changes):
    """A linear plant of unit weights, its problem and the law of two steps."""
    A, B = np.array(A, dtype=float), np.array(B, dtype=float)
    n, m = B.shape
    plant = Plant(
        **{
            "name": "linear",
            "update": lambda x, u: [
                sum(A[i, j] * x[j] for j in range(n)) + sum(B[i, j] * u[j] for j in range(m)) for i in range(n)
            ],
            "state_names": [f"x{i}" for i in range(n)],
            "state_units": ["-"] * n,
            "input_names": [f"u{i}" for i in range(m)],
            "input_units": ["-"] * m,
            "state_bounds": ([-5] * n, [5] * n),
            "input_bounds": ([-limit] * m, [limit] * m),
            "equilibrium": ([0] * n, [0] * m),
            "sample_time": 1.0,
            "cost": QuadraticCost(np.eye(n), np.eye(m), np.zeros(n), np.zeros(m)),
            "start_bounds": ([-1] * n, [1] * n),
            **changes,
        }
    )
    box = plant.state_bounds
    problem = MPCProblem(
        LinearModel(A, B, 1.0), np.eye(n), np.eye(m), 2, input_bounds=plant.input_bounds, parameter_bounds=box
    )
    return plant, problem, solve_explicit(problem)


@settings(max_examples=5)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_random_linear_systems_are_exact(seed, n):
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(n, n))
    A *= 0.9 / np.abs(np.linalg.eigvals(A)).max()
    plant, problem, law = linear(A, generator.normal(size=(n, 1)) + 1)
    core = LevelCore.of_law(law, problem, plant)
    K, P = dlqr(A, problem.model.B, np.eye(n), np.eye(1))
    assert core.certificate.value_error < 1e-7
    x = generator.normal(size=(400, n))
    x *= np.sqrt(core.level / ((x @ P) * x).sum(-1, keepdims=True)) * generator.uniform(0, 1, (400, 1))
    assert core.contains(0.999999 * x).all()
    np.testing.assert_allclose(core.value(x), ((x @ P) * x).sum(-1))
    np.testing.assert_allclose(law(0.999999 * x), -0.999999 * x @ K.T, atol=1e-9)
    run = simulate(plant, law, 0.999999 * x, 30)
    assert core.contains(run.states.reshape(-1, n)).all()
    # the largest: on some border of the region that holds the equilibrium the set touches
    region = law.regions[law.locate(np.zeros(n)).region]
    reach = np.sqrt(core.level * np.einsum("in,ni->i", region.A, np.linalg.solve(P, region.A.T)))
    assert np.isclose((reach / region.b).max(), 1)


class TestReactor:
    @pytest.fixture(scope="class")
    @classmethod
    def reactor(cls):
        plant = safety_cstr()
        rest, cost = plant.equilibrium[0], plant.cost
        box = rest - np.array([2, 2, 2, 70]), rest + np.array([2, 2, 2, 5])
        limits = {"input_bounds": plant.input_bounds, "parameter_bounds": box}
        problem = MPCProblem(linearise(plant), cost.state_weight, cost.input_weight, 2, **limits)
        return plant, problem, solve_explicit(problem)

    @pytest.fixture(scope="class")
    @classmethod
    def core(cls, reactor):
        plant, problem, law = reactor
        return LevelCore.of_law(law, problem, plant, level=0.6)

    def test_runs_stay_and_cost_what_it_says(self, reactor, core):
        plant, _, law = reactor
        generator = np.random.default_rng(0)
        ball = generator.normal(size=(1000, 4))
        ball /= np.linalg.norm(ball, axis=1, keepdims=True)
        radius = np.sqrt(core.level) * np.where(np.arange(1000) < 500, 1 - 1e-9, generator.uniform(size=1000))
        starts = core.rest + radius[:, None] * np.linalg.solve(np.linalg.cholesky(core.shape).T, ball.T).T
        assert core.contains(starts).all()
        run = simulate(plant, lambda x: law.nearest(x)[0], starts, 300)
        assert core.contains(run.states.reshape(-1, 4)).all()
        left = core.value(run.states[:, -1])
        error = np.abs(run.total_cost + left - core.value(starts)) / core.value(starts)
        assert error.max() < 1.5 * core.certificate.value_error + 1e-3 < 0.2
        assert "no way out" in str(core.certificate)

    def test_the_weight_and_the_law_inside(self, reactor, core):
        actor = YannActor.from_law(reactor[2], hidden=4)
        cored = CoredActor(actor, core)
        for weight in cored.parameters():
            weight.data.normal_(0, 3)
        away = core.rest + np.linspace(0, 3, 3001)[:, None] * [0, 0, 0, 1.0]
        weights, held = core.weight(away), core.contains(away)
        assert (weights[held] == 0).all()
        assert weights[-1] == 1
        assert np.diff(weights).max() < 0.02
        assert np.array_equal(cored(away[held]), actor(away[held]))
        assert not np.array_equal(cored(away[~held]), actor(away[~held]))
        learns = core.learns(reactor[2]).regions
        assert learns[reactor[2].locate(core.rest).region] == "partly"
        assert set(learns) == {"partly", "all"}

    def test_a_plant_that_leaves_is_found(self, reactor):
        plant, problem, law = reactor
        fouled = replace(plant, derivative=lambda x, u, p: (*plant.derivative(x, u, p)[:3], 50 * (x[3] - 475)))
        with pytest.raises(TrainingError, match=r"a way out found from 4\d+ states"):
            LevelCore.of_law(law, problem, fouled, level=0.6)

    def test_levels(self, reactor, core):
        plant, problem, law = reactor
        reach = np.sqrt(core.level * np.diag(np.linalg.inv(core.shape)))
        assert (core.rest - reach > plant.state_caps[0]).all()
        assert (core.rest + reach < plant.safe_limits[1]).all()
        with pytest.raises(TrainingError, match=r"`level` is 1e\+06, but beyond .* the law is at a limit"):
            LevelCore.of_law(law, problem, plant, level=1e6)
        with pytest.raises(TrainingError, match="`level` is -1, but it must be positive"):
            LevelCore.of_law(law, problem, plant, level=-1)
        with pytest.raises(TrainingError, match="`level`"):
            LevelCore.of_law(law, problem, plant, level=np.nan)


class TestRefusals:
    def test_a_law_at_a_limit_at_the_equilibrium(self):
        plant, problem, law = linear([[1.1]], [[1.0]], input_bounds=([0], [1]))
        with pytest.raises(TrainingError, match=r"not the unconstrained regulator at the equilibrium|is around it"):
            LevelCore.of_law(law, problem, plant)

    def test_another_problem_and_sizes(self):
        plant, problem, law = linear([[0.9]], [[1.0]])
        with pytest.raises(TrainingError, match=r"not the unconstrained regulator at the equilibrium: its gain"):
            LevelCore.of_law(law, replace(problem, state_weight=5.0, terminal_weight=None), plant)
        wide, other, _ = linear([[0.9, 0.1], [0, 0.8]], [[0.0], [1.0]])
        with pytest.raises(TrainingError, match=r"takes 1 parameters .* has 2 states"):
            LevelCore.of_law(law, problem, wide)
        with pytest.raises(TrainingError, match="a regulator of 2 states and 1 inputs"):
            LevelCore.of_law(law, other, plant)
        with pytest.raises(TrainingError, match="`law` is a int"):
            LevelCore.of_law(3, problem, plant)  # type: ignore[arg-type]
        with pytest.raises(TrainingError, match="`problem` is a int"):
            LevelCore.of_law(law, 3, plant)  # type: ignore[arg-type]

    def test_a_value_of_another_cost(self):
        plant, problem, law = linear([[0.9]], [[1.0]])
        dear = replace(plant, cost=QuadraticCost(3 * np.eye(1), 3 * np.eye(1), [0], [0]))
        with pytest.raises(TrainingError, match=r"differs from simulated costs by at most 66\.67%"):
            LevelCore.of_law(law, problem, dear, level=0.1)
