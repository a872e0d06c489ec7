"""The ablation: each row differs from the recipe in one ingredient, and its figures are what they say."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import ablation
from benchmarks.ablation import Row, row, rows, table
from benchmarks.ablation_recipe import CHANGES, GROUNDS, Ground, Recipe
from mpc import MPCProblem, linearise, solve_explicit
from plants import clipped_pendulum
from plants.scenario import scenario_of
from rl import DDPG, TD3, CoredActor, Gate, NoCore, PlainActor, PlainCritic, TD3Settings
from yann import YannActor, YannCritic

STARTS = np.array([[0.1, 0.0], [0.3, 0.0], [-0.2, 0.0]])


@pytest.fixture(scope="module")
def ground():
    """A pendulum with a small recipe without core, bound, prefill and warm-up."""
    plant = clipped_pendulum()
    problem = MPCProblem(linearise(plant), np.diag([1, 0.1]), 0.001, 2, plant.state_bounds, plant.input_bounds)
    law = YannActor.from_law(solve_explicit(problem), hidden=4)
    settings = TD3Settings(discount=0.97, return_steps=5, exploration=0.25)
    return Ground(
        world=replace(scenario_of(plant), steps=20),
        law=law,
        recipe=Recipe(law, YannCritic.from_problem(problem, hidden=8), None, settings),
        starts=STARTS,
        hard=[1, 2],
        kept=[0],
        best=np.array([0.0, 1.0, 3.0]),
        bound=0.5,
        gate=Gate(count=7),
        critic_first=9,
    )


def changed(ground, name):
    return CHANGES[name](ground)


def full(ground):
    """The same ground with a recipe that has what the first lacks."""
    settings = replace(ground.recipe.settings, prefill=2, critic_first=5)
    actor = YannActor.from_law(ground.law.birth.law, hidden=4, bound=0.7)
    return replace(ground, recipe=replace(ground.recipe, actor=actor, core=NoCore(), settings=settings))


class TestEachRowChangesOneIngredient:
    def test_networks(self, ground):
        _, critic = changed(ground, "critic start")
        assert isinstance(critic.critic, PlainCritic)
        assert critic.actor is ground.recipe.actor
        _, actor = changed(ground, "actor start")
        assert isinstance(actor.actor, PlainActor)
        assert actor.critic is ground.recipe.critic
        assert critic.agent(ground.law).discount == 0.97

    def test_core(self, ground):
        assert isinstance(full(ground).recipe.agent(ground.law).actor, CoredActor)
        name, gone = changed(full(ground), "core")
        assert (name, gone.core) == ("no core", None)

    def test_a_plain_actor_keeps_the_law_in_its_core(self, ground):
        _, recipe = changed(full(ground), "actor start")
        assert recipe.agent(ground.law).actor.law([0.1, 0.0]) == pytest.approx(ground.law([0.1, 0.0]))

    def test_bound(self, ground):
        name, there = changed(ground, "bound")
        assert (name, there.actor.bound.item()) == ("residual bound 0.5 N m", 0.5)
        assert there.actor.trainable == ground.law.trainable
        name, gone = changed(full(ground), "bound")
        assert (name, gone.actor.bound) == ("no residual bound", None)

    @pytest.mark.parametrize(
        ("ingredient", "setting", "names", "values"),
        [
            ("prefill", "prefill", ("1 episode of prefill", "no episodes of prefill"), (1, 0)),
            ("warm-up", "critic_first", ("9 updates of the critic first", "no updates of the critic first"), (9, 0)),
            ("n-step", "return_steps", ("returns of 1 step", "returns of 1 step"), (1, 1)),
        ],
    )
    def test_settings(self, ground, ingredient, setting, names, values):
        for base, name, value in zip((ground, full(ground)), names, values, strict=True):
            found, recipe = changed(base, ingredient)
            assert found == name
            assert recipe.settings == replace(base.recipe.settings, **{setting: value})

    def test_one_critic_with_all_other_settings(self, ground):
        agent = changed(ground, "twin")[1].agent(ground.law)
        assert isinstance(agent, DDPG)
        assert (agent.settings.exploration, agent.settings.return_steps, agent.discount) == (0.25, 5, 0.97)
        assert isinstance(changed(ground, "base")[1].agent(ground.law), TD3)

    def test_gate(self, ground):
        assert changed(ground, "gate")[1].gate.count == 7
        assert changed(ground, "base")[1].gate is None


def test_figures_of_a_training(ground, monkeypatch):
    """The law costs 5, 11, 13; the best known of the hard ones 1 and 3; two seeds end at 3 and 8 in the mean."""
    costs = {"law": [5.0, 11, 13], "one": [5.5, 2, 4], "two": [4.0, 7, 9]}
    monkeypatch.setattr(ablation, "evaluate", lambda who, world, starts: SimpleNamespace(costs=np.array(costs[who])))
    tests = np.array([[[5.0, 11, 13], [9, 99, 99], costs["one"]], [[5.0, 11, 13], [4, 4, 4], costs["two"]]])
    training = SimpleNamespace(
        actors=("one", "two"),
        log=SimpleNamespace(test_costs=tests),
        ledger=SimpleNamespace(violations=np.array([[0, 2], [1, 0]])),
        episodes=2,
    )
    found = row("it", replace(ground, law="law"), training, 7.4)
    assert found == Row("it", [9 / 10, 4 / 10], 4.0, 0.5, 3, 7.4, 2)
    assert found.cells(2) == ["it", "0.65", "0.65", "0.40", "4.00", "0.50", "3", "7"]
    assert found.cells(9)[0] == "it (diverged in episode 3)"
    assert "| it | 0.65 |" in table("pendulum", [found], 2, 2)


class TestRows:
    @pytest.fixture
    def asked(self, ground, monkeypatch, tmp_path):
        asked = []
        monkeypatch.setitem(GROUNDS, "pendulum", lambda: full(ground))
        monkeypatch.setitem(GROUNDS, "cstr", lambda: ground)

        def measured(place, change, seeds, episodes, reader):
            asked.append(change)
            return Row(change, [0.5] * seeds, 0.0, 0.0, 0, 1.0, episodes)

        monkeypatch.setattr(ablation, "measured", measured)
        monkeypatch.setattr(ablation, "FOLDER", tmp_path)
        return asked

    def test_rows_that_are_kept_are_not_trained_again(self, asked, tmp_path):
        first = rows("pendulum", 2, 3, 1)
        assert [one.name for one in first] == list(CHANGES) == asked
        (tmp_path / "pendulum" / "core.json").unlink()
        assert rows("pendulum", 2, 3, 1) == first
        assert asked[len(CHANGES) :] == ["core"]

    def test_a_recipe_without_a_core_has_no_row_of_it(self, asked):
        rows("cstr", 2, 3, 1)
        assert asked == [change for change in CHANGES if change != "core"]

    def test_rows_of_other_settings_are(self, asked):
        rows("pendulum", 2, 3, 1)
        assert rows("pendulum", 2, 4, 1)[0].episodes == 4
        assert len(asked) == 2 * len(CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["base", "actor start", "twin"])
def test_a_row_is_trained(ground, monkeypatch, change):
    monkeypatch.setitem(ablation.GROUNDS, "pendulum", lambda: ground)
    found = ablation.measured("pendulum", change, 2, 1, None)
    assert (found.episodes, found.violations, len(found.closed)) == (1, 0, 2)
    assert np.isfinite([*found.closed, found.harm, found.harm_at_end]).all()
