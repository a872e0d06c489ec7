"""The core: bit for bit the law inside, invariant, its value what the law costs, and nothing learned in it."""

import copy

import numpy as np
import pytest
import torch

from mpc import MPCProblem, linearise, solve_explicit
from plants import Plant, QuadraticCost, clipped_pendulum, safety_cstr, simulate
from rl import TD3, CoredActor, GridCore, NoCore, TD3Settings, TrainingError, evaluate, plain_actor, plain_critic, train
from rl.closed_loop import ClosedLoop
from rl.core import core_of
from rl.core_zones import CoreZones
from rl.grid import Grid
from yann import YannActor

pytestmark = pytest.mark.slow

LEVEL = 10.0


@pytest.fixture(scope="module")
def plant():
    return clipped_pendulum()


@pytest.fixture(scope="module")
def law(plant):
    limits = {"state_bounds": plant.state_bounds, "input_bounds": plant.input_bounds}
    return solve_explicit(MPCProblem(linearise(plant), np.diag([1, 0.1]), 0.001, 2, **limits))


@pytest.fixture(scope="module")
def actor(law):
    return YannActor.from_law(law, hidden=4)


@pytest.fixture(scope="module")
def core(law, plant):
    return GridCore.of_law(law, plant, LEVEL, nodes=81)


@pytest.fixture(scope="module")
def states(core):
    """States all over the grid, and those of them that are in the core."""
    drawn = np.random.default_rng(3).uniform(-1, 1, (5_000, 2)) * [1.2, 5.2]
    return drawn, drawn[core.contains(drawn)]


def border(core, count=300):
    """Pairs of states, in the core and out of it, a rounding error apart."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    rays = np.stack([1.5 * np.cos(angle), 8 * np.sin(angle)], axis=1)
    low, high = np.zeros(count), np.ones(count)
    for _ in range(60):
        middle = (low + high) / 2
        held = core.contains(middle[:, None] * rays)
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    return low[:, None] * rays, high[:, None] * rays


def test_no_run_leaves_the_core(core, states, plant, law):
    inside, _ = border(core)
    starts = np.concatenate([states[1][:800], inside])
    run = simulate(plant, lambda x: law.nearest(x)[0], starts, 120)
    assert core.contains(run.states.reshape(-1, 2)).all()


def test_the_core_is_where_the_law_costs_at_most_the_level(core, states, plant, law):
    costs = ClosedLoop.of(law, plant).cost_to_rest(states[0], 200, ceiling=2 * LEVEL)[0]
    held = core.contains(states[0])
    assert costs[held].max() <= LEVEL + core.certificate.value_error
    near = (costs <= LEVEL - core.certificate.value_error) & ~held
    assert not near.any()  # on the pendulum the level set is of one piece
    assert 0.1 < held.mean() < 0.9


def test_its_value_is_the_cost_of_the_law(core, states, plant, law):
    costs = simulate(plant, lambda x: law.nearest(x)[0], states[1][:300], 200).total_cost
    apart = np.abs(core.value(states[1][:300]) - costs)
    assert apart.max() <= max(0.1, 1.5 * core.certificate.value_error)
    assert apart.mean() < 0.03
    assert np.isnan(core.value(np.array([[0.5, 0.0], [50.0, 0.0]]))).all()


def test_a_discounted_value(law, plant, states):
    core = GridCore.of_law(law, plant, LEVEL, nodes=41, discount=0.9)
    start = np.array([[0.2, 0.1], [-0.3, 0.4]])
    run = simulate(plant, lambda x: law.nearest(x)[0], start, 200)
    np.testing.assert_allclose(core.value(start), run.costs @ 0.9 ** np.arange(200), rtol=0.15)
    assert (core.value(start) < 0.8 * run.total_cost).all()


def test_the_weight_is_zero_in_the_core_and_rises_continuously(core, states):
    inside, outside = border(core)
    assert (core.weight(np.concatenate([states[1], inside, outside])) == 0).all()
    line = np.stack([np.linspace(-2, 2, 20_001), np.zeros(20_001)], axis=1)
    weights = core.weight(line)
    steepest = 4 / 20_000 / core.grid.step[0]  # per step of this line, of a rise by at most 1 per cell
    assert np.abs(np.diff(weights)).max() <= 1.01 * steepest
    assert weights[0] == weights[-1] == 1
    assert (weights[(np.abs(line[:, 0]) > 0.41 + 5 * core.grid.step[0])] == 1).all()


def test_a_core_that_reaches_the_end_of_its_grid(law, plant):
    narrow = clipped_pendulum()
    narrow = Plant(**{**narrow.__reduce__()[1][0], "state_bounds": ([-0.3, -8], [0.3, 8])})
    core = GridCore.of_law(law, narrow, 2.0, nodes=41)
    edge = np.array([[0.3, -0.5], [0.3 + 1e-9, -0.5], [0.6, -0.5]])
    assert core.contains(edge).tolist()[1:] == [False, False]
    weights = core.weight(edge)
    assert abs(weights[1] - weights[0]) < 1e-6
    assert weights[2] == 1


@pytest.mark.parametrize("limits", ["state_caps", "safe_limits"])
def test_a_core_that_reaches_caps_or_safe_limits_all_over(limits):
    """Ends of rays, and of the grid, are then beyond them by a rounding error."""
    box = ([-0.7, -1.1], [1.3, 0.9])
    plant = Plant(
        name="box",
        update=lambda x, u: (0.9 * x[0] + 0.05 * x[1], 0.9 * x[1] + 0.1 * u[0]),
        state_names=("a", "b"),
        state_units=("m", "m"),
        input_names=("f",),
        input_units=("N",),
        state_bounds=box,
        input_bounds=([-9], [9]),
        equilibrium=([0, 0], [0]),
        sample_time=0.1,
        cost=QuadraticCost(np.eye(2), 0.1, [0, 0], [0]),
        start_bounds=([-0.5, -0.5], [0.5, 0.5]),
        episode_steps=300,
        **{limits: box},
    )
    core = GridCore.of_law(lambda x: 0 * x[:, :1], plant, 100.0, nodes=41)
    assert core.certificate.passed
    assert core.certificate.runs > 1000


def test_the_certificate_sees_another_plant_and_another_law(core, law, plant):
    assert core.certificate.passed
    again = core.certify(runs=300, seed=7)
    assert again.passed
    assert again.runs > 300
    assert not core.certify(law=lambda x: 0 * x[:, :1], runs=50).passed
    assert not core.certify(law=lambda x: -law.nearest(x)[0], runs=50).passed
    heavy = Plant(**{**plant.__reduce__()[1][0], "derivative": lambda x, u: (x[1], 25 * x[0] + 3 * u[0])})
    found = core.certify(plant=heavy, runs=100)
    assert not found.passed
    assert "does not hold" in str(found)
    assert "holds" in str(core.certificate)


def test_the_level_it_finds_has_no_cliff_inside(law, plant):
    core = GridCore.of_law(law, plant, nodes=41)
    assert 4 < core.level < 200
    assert core.certificate.passed
    assert not core.contains(np.array([[0.45, 0.0], [-0.45, 0.0]])).any()  # hard starts


def test_only_the_part_around_the_equilibrium():
    grid = Grid.over(np.zeros(2), np.ones(2), 31)
    costs = np.full((31, 31), 5.0)
    costs[5:15, 5:15], costs[20:30, 20:30] = 1.0, 1.0
    zones = CoreZones.of(grid, costs, 2.0, np.array([0.3, 0.3]), 2)
    assert zones.inside[8, 8]
    assert not zones.inside[16:, 16:].any()
    assert not zones.border[16:, 16:].any()
    assert zones.weights[25, 25] == 1


def test_which_regions_may_learn(core, law):
    found = core.learns(law)
    assert len(found.regions) == len(law.regions)
    equilibrium = law.locate([0.0, 0.0]).region
    assert found.regions[equilibrium] == "partly"
    assert sum(map(len, found.to_dict().values())) == len(law.regions)
    far = [i for i, r in enumerate(law.regions) if not core.contains(r.centre[None])[0]]
    assert all(found.regions[i] != "never" for i in far)
    assert "untouched" in str(found)
    assert set(NoCore().weight(np.zeros((3, 2)))) == {1.0}


class TestCoredActor:
    def test_the_law_bit_for_bit_inside_however_far_it_is_trained(self, core, actor, states):
        cored = CoredActor(actor, core).replicate([0, 1, 2])
        source = torch.Generator().manual_seed(0)
        for weight in cored.parameters():
            weight.data.normal_(0, 3, generator=source)
        inside = states[1][:600]
        outputs = cored(np.broadcast_to(inside, (3, *inside.shape)))
        assert np.array_equal(outputs, np.broadcast_to(actor(inside), (3, 600, 1)))
        far = np.array([[1.9, 4.0], [-1.9, -4.0], [0.9, 4.0]])
        assert np.array_equal(cored.member(1)(far), cored.member(1).actor(far))
        assert not np.array_equal(cored.member(1)(far), actor(far))

    def test_continuous_across_the_border_and_within_bounds(self, core, actor):
        cored = CoredActor(actor, core)
        for weight in cored.parameters():
            weight.data.normal_(0, 3)
        line = np.stack([np.linspace(0.3, 0.8, 20_001), np.full(20_001, 0.1)], axis=1)
        only = np.abs(np.diff(cored.actor(line)[:, 0]) - np.diff(actor(line)[:, 0]))
        step = np.abs(np.diff(cored(line)[:, 0]))
        rise = 4 * 0.5 / 20_000 / core.grid.step[0]
        assert (step <= 1.01 * rise + only + np.abs(np.diff(actor(line)[:, 0])) + 1e-12).all()
        assert np.abs(cored(line)).max() <= 2

    def test_members_draws_and_copies_are_the_actors(self, core, plant):
        plain = plain_actor(plant, (8,))
        cored = CoredActor(plain, core)
        stack, alone = cored.replicate([4, 5]), plain.replicate([4, 5])
        x = np.random.default_rng(0).uniform(-1, 1, (2, 50, 2)) * [2, 8]
        outside = ~core.contains(x.reshape(-1, 2)).reshape(2, 50) & (core.weight(x.reshape(-1, 2)) == 1).reshape(2, 50)
        assert np.array_equal(stack(x)[outside], alone(x)[outside])
        assert np.array_equal(stack.member(1)(x[1]), stack(x)[1])
        again = copy.deepcopy(stack)
        assert again.core is core
        assert again.law is stack.law
        assert np.array_equal(again(x), stack(x))
        assert [p.shape for p in stack.parameters()] == [p.shape for p in alone.parameters()]

    def test_a_law_of_its_own(self, core, actor, plant):
        cored = CoredActor(plain_actor(plant, (8,)), core, law=actor)
        inside = np.array([[0.1, 0.2]])
        assert np.array_equal(cored(inside), actor(inside))
        assert core_of(cored) is core
        assert isinstance(core_of(actor), NoCore)

    def test_what_it_refuses(self, core, actor, plant, tmp_path):
        with pytest.raises(TrainingError, match=r"`actor` is a int; pass a network"):
            CoredActor(3, core)  # type: ignore[arg-type]
        with pytest.raises(TrainingError, match=r"`core` is a int without `contains`"):
            CoredActor(actor, 3)  # type: ignore[arg-type]
        with pytest.raises(TrainingError, match=r"`actor` is a stack of 2"):
            CoredActor(actor.replicate([0, 1]), core)
        with pytest.raises(TrainingError, match=r"takes 2 states but `law` 4"):
            CoredActor(actor, core, law=plain_actor(safety_cstr(), (4,)))
        with pytest.raises(TrainingError, match="has no file of its own"):
            CoredActor(actor, core).save(tmp_path / "actor.npz")


def test_training_never_touches_the_core(core, actor, plant, states):
    starts = states[1][:200]
    settings = TD3Settings(
        exploration=0.3, warm_up=20, batch_size=16, actor_learning_rate=0.01, return_steps=3, discount=1.0
    )
    agent = TD3(CoredActor(actor, core), plain_critic(plant, (8, 8)), settings)
    training = train(agent, plant, episodes=3, seeds=range(2), steps=60, test_starts=starts)
    costs = evaluate(actor, plant, starts=starts, steps=60).costs
    assert np.array_equal(training.log.test_costs, np.broadcast_to(costs, (2, 4, 200)))
    learned = training.actors[0]
    assert any(not torch.equal(a, b) for a, b in zip(learned.parameters(), agent.actor.parameters(), strict=True))
    bare = train(TD3(actor, plain_critic(plant, (8, 8)), settings), plant, None, 3, range(2), 60, starts)
    assert not np.array_equal(bare.log.test_costs[:, -1], training.log.test_costs[:, -1])


class TestRefusals:
    def test_plants(self, law):
        with pytest.raises(TrainingError, match=r"has 4 states .* but a grid takes 2; use LevelCore"):
            GridCore.of_law(law, safety_cstr())
        open_ended = Plant(**{**clipped_pendulum().__reduce__()[1][0], "state_bounds": ([-2, None], [2, None])})
        with pytest.raises(TrainingError, match="leave rate unbounded"):
            GridCore.of_law(law, open_ended)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"level": -1}, "`level` is -1, but it must be positive"),
            ({"level": np.nan}, "`level`"),
            ({"level": 1e-6}, "take a higher `level`"),
            ({"nodes": 3}, "`nodes` is 3, but it must be at least 11"),
            ({"ramp": 0}, "`ramp` is 0"),
            ({"discount": 1.5}, "`discount` is 1.5, but it must be at most 1"),
        ],
    )
    def test_numbers(self, law, plant, change, words):
        with pytest.raises(TrainingError, match=words):
            GridCore.of_law(law, plant, **{"level": LEVEL, "nodes": 21, **change})

    def test_laws(self, plant, actor):
        for bad, words in (
            (3, "`law` is a int; pass an actor"),
            (lambda x: np.full((len(x), 1), np.nan), "gives .*nan.* at rest"),
            (lambda x: x, "one finite input for each of 1"),
            (actor.replicate([0, 1]), "a stack of 2"),
            (plain_actor(safety_cstr(), (4,)), r"takes \(4,\)"),
        ):
            with pytest.raises(TrainingError, match=words):
                GridCore.of_law(bad, plant, LEVEL)

    def test_a_law_that_does_not_hold_the_plant(self, plant):
        with pytest.raises(TrainingError, match="take a higher `level`"):
            GridCore.of_law(lambda x: 0 * x[:, :1], plant, LEVEL)
        with pytest.raises(TrainingError, match="pass a `level`"):
            GridCore.of_law(lambda x: 0 * x[:, :1], plant)


def test_a_linear_plant_has_riccatis_value(law):
    del law
    plant = Plant(
        name="double integrator",
        update=lambda x, u: (x[0] + 0.1 * x[1], x[1] + 0.1 * u[0]),
        state_names=("position", "speed"),
        state_units=("m", "m/s"),
        input_names=("force",),
        input_units=("N",),
        state_bounds=([-2, -2], [2, 2]),
        input_bounds=([-9], [9]),
        equilibrium=([0, 0], [0]),
        sample_time=0.1,
        cost=QuadraticCost(np.eye(2), 0.1, [0, 0], [0]),
        start_bounds=([-1, -1], [1, 1]),
    )
    problem = MPCProblem(linearise(plant), np.eye(2), 0.1, 2, plant.state_bounds, plant.input_bounds)
    core = GridCore.of_law(solve_explicit(problem), plant, 5.0, nodes=61)
    x = np.random.default_rng(1).uniform(-0.3, 0.3, (300, 2))
    x = x[core.contains(x)]
    np.testing.assert_allclose(core.value(x), ((x @ problem.final_weight) * x).sum(-1), atol=0.02)
