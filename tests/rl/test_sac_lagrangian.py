"""SAC-Lagrangian held against closed forms: both targets, what the actor descends on, and the multiplier's way."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from mpc import MPCProblem, linearise, solve_explicit
from plants import clipped_pendulum
from rl import (
    Batch,
    SACLagrangian,
    SACLagrangianSettings,
    SACSettings,
    TrainingError,
    plain_actor,
    plain_critic,
    train,
)
from rl.state import put_back, taken
from yann import YannActor, YannCritic

E, LIMIT, PENALTY, GAMMA = 0.2, 0.1, 100.0, 0.5
QUIET = {"temperature": 1e-9, "temperature_learning_rate": 0, "soft_target": False}


@pytest.fixture
def learner(linear_actor, quadratic_critic, drift):
    """Return a maker of learners of u = .3 x, Q = x^2 + 2 u^2, safe within +-1, that expect C = x^2 + 3 u^2."""

    def make(seeds=(0,), **values):
        settings = SACLagrangianSettings(**{"exploration": E, "discount": GAMMA, "limit": LIMIT, **QUIET, **values})
        agent = SACLagrangian(linear_actor(0.3), quadratic_critic(np.diag([1.0, 2.0]), 1), settings)
        trained = agent.learner(list(seeds), drift(limit=1, penalty=PENALTY))
        one = quadratic_critic(np.diag([1.0, 3.0]), 1)
        trained.safety = one.replicate([*seeds, *seeds])
        trained.target_safety = one.replicate([*seeds, *seeds])
        trained.safety_step = torch.optim.Adam(list(trained.safety.parameters()), 1e-15)
        trained.normals = lambda *shape: torch.zeros(len(seeds), *shape, dtype=torch.float64)
        return trained

    return make


def transition(x=0.5, u=0.2, after=0.4, cost=10.0, discount=GAMMA, members=1):
    one = torch.ones(members, 1, 1, dtype=torch.float64)
    return Batch(x * one, u * one, cost * one[..., 0], after * one, discount * one[..., 0])


def cost_of(x, u):
    return x**2 + 2 * u**2


def expected_violations(x, u):
    return x**2 + 3 * u**2


def small(plant, **settings):
    settings = SACLagrangianSettings(**{"batch_size": 8, "safety_hidden": (8, 8), "discount": 0.9, **settings})
    return SACLagrangian(plain_actor(plant, (8, 8)), plain_critic(plant, (8, 8)), settings)


class TestSafetyCritic:
    """C(.5, .2) = .25 + .12; at x+ = .4 the input is .12."""

    @pytest.mark.parametrize(
        ("after", "discount", "target"),
        [
            (0.4, GAMMA, GAMMA * expected_violations(0.4, 0.12)),
            (0.9, GAMMA, GAMMA),  # .81 + .2187: more than one violation there cannot be
            (1.3, 0.0, 1.0),
            (-1.3, 0.0, 1.0),
            (0.4, 0.0, 0.0),  # another end: nothing follows
            (1.0, 0.0, 0.0),  # on the limit is not beyond it
            (1.3, GAMMA, GAMMA),  # a noisy reading: the run went on
        ],
    )
    def test_it_learns_the_discounted_violations_to_come(self, learner, after, discount, target):
        told = learner().update(transition(after=after, discount=discount)).others
        error = expected_violations(0.5, 0.2) - target
        assert told["safety_loss"].item() == pytest.approx(error**2)

    @pytest.mark.parametrize("larger", [0, 1])
    def test_the_larger_number_of_violations_is_believed(self, learner, larger):
        trained = learner()
        trained.target_safety.H.data[larger] *= 2
        told = trained.update(transition()).others
        error = expected_violations(0.5, 0.2) - GAMMA * 2 * expected_violations(0.4, 0.12)
        assert told["safety_loss"].item() == pytest.approx(error**2)

    def test_it_finds_how_soon_a_run_ends(self, drift):
        """x+ = 1.2 x + u under u = 0: beyond 1 after k steps, which gamma^(k-1) tells beforehand."""
        rates = {"critic_learning_rate": 3e-3, "polyak": 0.05, "safety_hidden": (32, 32)}
        agent = small(drift(limit=1), exploration=0.00101, limit=0.9, **rates, **QUIET)
        trained = agent.learner([0], drift(limit=1))
        for parameter in trained.actor.parameters():
            parameter.data.zero_()
        x = np.array([0.3 * 1.2**k for k in range(8)])
        ends = x[1:] > 1
        x = x[: ends.argmax() + 2]
        count = len(x) - 1
        discount = np.where(x[1:] > 1, 0.0, 0.9)
        columns = (x[:-1, None], np.zeros((count, 1)), np.zeros(count), x[1:, None], discount)
        batch = Batch(*(torch.tensor(column)[None] for column in columns))
        trained.settings = SACLagrangianSettings(critic_first=10**6, limit=0.9)
        for _ in range(700):
            trained.update(batch)
        found = trained.safety.rows(batch.state.repeat(2, 1, 1), batch.input.repeat(2, 1, 1)).detach()
        oracle = [0.9 ** (count - 1 - k) for k in range(count)]
        np.testing.assert_allclose(found.numpy(), [oracle, oracle], atol=0.02)


class TestCostCritic:
    def test_without_a_violation_it_is_that_of_sac(self, learner):
        loss = learner().update(transition()).critic.item()
        assert loss == pytest.approx((10 + GAMMA * cost_of(0.4, 0.12) - cost_of(0.5, 0.2)) ** 2)

    def test_the_penalty_is_no_cost_and_a_violation_no_end_of_costs(self, learner):
        loss = learner().update(transition(after=1.3, cost=10 + PENALTY, discount=0.0)).critic.item()
        assert loss == pytest.approx((10 + GAMMA * cost_of(1.3, 0.39) - cost_of(0.5, 0.2)) ** 2)

    def test_another_end_is_one(self, learner):
        assert learner().update(transition(discount=0.0)).critic.item() == pytest.approx((10 - cost_of(0.5, 0.2)) ** 2)


class TestActor:
    @pytest.mark.parametrize("price", [0.0, 1.0, 7.5])
    def test_it_descends_on_cost_and_priced_violations(self, learner, price):
        trained = learner(multiplier=price, critic_learning_rate=1e-15)
        losses = trained.update(transition(x=0.5))
        u = 0.15
        assert losses.actor.item() == pytest.approx(cost_of(0.5, u)), "the price of violations is told apart"
        assert losses.others["violation_estimate"].item() == pytest.approx(expected_violations(0.5, u))
        assert trained.actor.layer.weight.grad.item() == pytest.approx((4 + price * 6) * u * 0.5)

    def test_no_state_counts_as_more_than_one_violation(self, learner):
        trained = learner(multiplier_step=1.0, multiplier=2.0, critic_learning_rate=1e-15)
        told = trained.update(transition(x=1.5)).others
        assert told["violation_estimate"].item() == 1, "1.5^2 + 3 .45^2 are more"
        assert trained.multiplier.item() == pytest.approx(3 - LIMIT)
        assert trained.actor.layer.weight.grad.item() == pytest.approx((4 + 2 * 6) * 0.45 * 1.5)

    def test_actor_and_multiplier_wait_for_the_critics_head_start(self, learner):
        trained = learner(critic_first=2)
        for update in range(1, 4):
            trained.update(transition())
            assert (trained.actor.layer.weight.item() == 0.3) == (update < 3)
            assert (trained.multiplier.item() == 1.0) == (update < 3)


class TestMultiplier:
    def test_each_member_has_its_own_which_rises_above_the_limit_and_falls_below(self, learner):
        trained = learner(seeds=(0, 1), multiplier_step=2.0, multiplier=1.0, actor_learning_rate=1e-15)
        batch = transition(members=2)
        batch.state[1] = 0.1
        told = trained.update(batch).others
        expected = [expected_violations(x, 0.3 * x) for x in (0.5, 0.1)]
        assert told["multiplier"].tolist() == [1, 1], "as it was before the step"
        wanted = [1 + 2 * (each - LIMIT) for each in expected]
        assert trained.multiplier.tolist() == pytest.approx(wanted)
        assert wanted[0] > 1 > wanted[1]

    def test_it_falls_to_0_and_stays(self, learner):
        trained = learner(multiplier=0.3, multiplier_step=1.0, actor_learning_rate=1e-15)
        prices = [trained.update(transition(x=0.0)).others["multiplier"].item() for _ in range(6)]
        assert prices == pytest.approx([0.3, 0.2, 0.1, 0, 0, 0], abs=1e-12)
        assert trained.multiplier.item() == 0

    def test_it_stays_at_a_step_of_0(self, learner):
        trained = learner(multiplier_step=0, multiplier=3.0)
        trained.update(transition())
        assert trained.multiplier.item() == 3

    def test_in_training_it_rises_while_violating_and_falls_to_0_otherwise(self, drift):
        def prices(factor, beyond, **settings):
            plant = drift(factor, limit=beyond)
            agent = small(plant, exploration=0.5, multiplier_step=0.5, **settings)
            return train(agent, plant, episodes=4, seeds=[0, 1], steps=40).log.others["multiplier"]

        violating = prices(1.2, 0.55, multiplier=1.0, limit=0.0)
        assert all((later > earlier).all() for earlier, later in pairwise(violating.T[1:]))
        safe = prices(0.5, 1e6, multiplier=1.0, limit=0.5)
        assert (safe[:, -1] == 0).all()


def test_a_stack_learns_what_its_members_learn_alone(drift):
    agent = small(drift(limit=1), exploration=0.2, multiplier_step=0.3)
    generator = np.random.default_rng(4)
    x, after = generator.uniform(-1.4, 1.4, (2, 3, 32, 1))
    u, cost = generator.uniform(-1, 1, (3, 32, 1)), generator.uniform(0, 5, (3, 32))
    discount = np.where(np.abs(after[..., 0]) > 1, 0.0, 0.9)
    batch = Batch(*map(torch.tensor, (x, u, cost, after, discount)))
    stack = agent.learner([4, 5, 6], drift(limit=1))
    singles = [agent.learner([seed], drift(limit=1)) for seed in (4, 5, 6)]
    for _ in range(20):
        together = stack.update(batch)
        apart = [single.update(Batch(*(part[i : i + 1] for part in batch))) for i, single in enumerate(singles)]
    assert set(together.others) == {"temperature", "entropy", "multiplier", "violation_estimate", "safety_loss"}
    for name, told in together.others.items():
        assert told.tolist() == pytest.approx([loss.others[name].item() for loss in apart], abs=1e-10), name
    assert stack.multiplier.tolist() == pytest.approx([single.multiplier.item() for single in singles], abs=1e-10)
    assert len(set(stack.multiplier.tolist())) == 3
    for i, single in enumerate(singles):
        for name, weights in stack.weights.items():
            for mine, theirs in zip(weights, single.weights[name], strict=True):
                assert torch.allclose(mine[i::3], theirs, atol=1e-10, rtol=0), name


def test_all_four_critics_of_a_member_are_drawn_from_seeds_of_their_own(drift):
    trained = small(drift(limit=1)).learner([0, 1], drift(limit=1))
    first = [network.net.layers[0].weight for network in (trained.critics, trained.safety)]
    rows = torch.cat(first).flatten(1)
    assert len({tuple(row.tolist()) for row in rows}) == 8
    x, u = np.random.default_rng(0).uniform(-1, 1, (2, 4, 5, 1))
    assert (trained.safety(x, u) == 0).all(), "nobody is accused at birth"


def test_its_first_actor_is_the_law():
    plant = clipped_pendulum()
    bounds = {"state_bounds": plant.state_bounds, "input_bounds": plant.input_bounds}
    problem = MPCProblem(linearise(plant), np.diag([1, 0.1]), 0.001, 2, **bounds)
    law = solve_explicit(problem)
    limited = type(plant)(**{**_arguments(plant), "safe_limits": ([-0.6, -4], [0.6, 4])})
    agent = SACLagrangian(YannActor.from_law(law, hidden=8), YannCritic.from_problem(problem, hidden=8))
    trained = agent.learner([3, 4], limited)
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (50, 2))
    found = trained.actor.rows(torch.tensor(x).expand(2, -1, -1)).detach().numpy()
    np.testing.assert_allclose(found, np.tile(law(x), (2, 1, 1)), atol=1e-9)
    normals = np.array([[0.4], [0.4]])
    noisy = trained.explore(x[:2], normals) - law(x[:2])
    np.testing.assert_allclose(noisy, 0.4 * 0.1 * 2, atol=1e-9)


def _arguments(plant):
    from dataclasses import fields  # noqa: PLC0415

    return {f.name: getattr(plant, f.name) for f in fields(plant) if f.init}


def test_a_checkpoint_holds_all_that_training_changes(drift):
    plant = drift(limit=0.6)
    agent = small(plant, exploration=0.4, multiplier_step=0.3)
    generator = np.random.default_rng(2)

    def batch():
        x, after = generator.uniform(-1, 1, (2, 2, 8, 1))
        discount = np.where(np.abs(after[..., 0]) > 0.6, 0.0, 0.9)
        u, cost = generator.uniform(-1, 1, (2, 8, 1)), generator.uniform(0, 1, (2, 8))
        return Batch(*map(torch.tensor, (x, u, cost, after, discount)))

    batches = [batch() for _ in range(8)]
    whole, first = agent.learner([0, 1], plant), agent.learner([0, 1], plant)
    for one in batches:
        whole.update(one)
    for one in batches[:4]:
        first.update(one)
    again = agent.learner([8, 9], plant)
    put_back(again, taken(first))
    for one in batches[4:]:
        again.update(one)
    assert again.multiplier.tolist() == whole.multiplier.tolist()
    for name, weights in whole.weights.items():
        for mine, theirs in zip(weights, again.weights[name], strict=True):
            assert torch.equal(mine, theirs), name


def test_training_that_goes_bad_names_the_safety_critics(drift):
    trained = small(drift(limit=1)).learner([0], drift(limit=1))
    assert set(trained.weights) == {"actor", "critic", "safety", "temperature"}


def test_a_plant_without_limits_is_refused_before_any_training(drift):
    words = "'drift' has no `safe_limits`, so there is nothing to keep; give it some, or use SAC"
    with pytest.raises(TrainingError, match=words):
        train(small(drift()), drift(), episodes=1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"limit": -0.1}, "`limit` is -0.1, but a run has one violation at most; pass a number from 0 to below 1"),
        ({"limit": 1.0}, "`limit` is 1, but a run has one violation at most"),
        ({"limit": math.nan}, "`limit` is NaN"),
        ({"multiplier": -1}, "`multiplier` is -1, but it must be at least 0; 0 begins without a price"),
        ({"multiplier_step": -1}, "`multiplier_step` is -1, but it must be at least 0; 0 keeps the price"),
        ({"safety_hidden": ()}, "`hidden` is .*at least one layer"),
        ({"return_steps": 3}, "`return_steps` is 3, but violations are counted step by step here; pass 1"),
        ({"temperature": 0}, "`temperature` is 0, but it must be positive"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(TrainingError, match=words):
        SACLagrangianSettings(**values)


def test_settings_of_another_algorithm(linear_actor, quadratic_critic):
    with pytest.raises(TrainingError, match="pass SACLagrangianSettings"):
        SACLagrangian(linear_actor(1), quadratic_critic(np.eye(2), 1), SACSettings())


def test_a_sum_of_entropies_without_end_is_refused(linear_actor, quadratic_critic):
    with pytest.raises(TrainingError, match="`soft_target` is True but gamma is 1"):
        SACLagrangian(
            linear_actor(1), quadratic_critic(np.eye(2), 1, discount=1.0), SACLagrangianSettings(soft_target=True)
        )
