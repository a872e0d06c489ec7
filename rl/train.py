"""The training loop: the only one, for every agent."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from plants import Cost, Plant, PlantError, Scenario
from plants.arrays import Array, whole_number
from plants.run import Moves, Run
from plants.scenario import scenario_of
from plants.validation import cost_fits
from rl.agent import Agent
from rl.errors import Diverged, Interrupted, Refused, TrainingError
from rl.evaluate import checked_starts, evaluate
from rl.fitting import check_parts, check_plant_fits, check_range, check_seeds, check_weights
from rl.guard import Guard, Trouble
from rl.ledger import Flags, LedgerWriter, Step, frozen
from rl.replay import ReplayBuffer
from rl.size import check_sizes
from rl.training import Progress, ProgressReader, Training, TrainingLog
from yann.stacked import StackedNetwork


def train(
    agent: Agent,
    plant: Plant | Scenario,
    cost: Cost | None = None,
    episodes: int = 50,
    seeds: Sequence[int] = range(10),
    steps: int | None = None,
    test_starts: ArrayLike | None = None,
    progress: ProgressReader | None = None,
) -> Training:
    """Return S trained actors and critics, one per seed, with the log and the ledger of their training.

    A scenario is met anew in every run, drawn from generators of the seed's own: so training sees its whole domain.
    The learner sees the readings, and remembers the inputs that acted. All seeds are trained at once, as one stack;
    what a seed gives does not depend on the others. The agent itself stays as it is. Each episode is `steps` plant
    steps (default: the plant's) of every member: a run that becomes unsafe, runs away, or in which the cost's
    event happens ends there, as terminated, and a new one begins at once from a new start, so every member has the same
    budget. The end of an episode is a
    time limit: what would follow is still worth what the critic says. `cost` defaults to the plant's. From
    `test_starts` (K, n) the actors are tested, without exploration, before training and after every episode;
    testing changes nothing in training. `progress` is called after every episode.

    Raises TrainingError for arguments that do not fit, before any training; Diverged at the step where a
    loss or weight goes bad; Refused where a plant that does not clip refuses an actor's input in a later test;
    Interrupted (a KeyboardInterrupt) when stopped by hand. The last three
    carry, as `.training`, everything up to the last finished episode.
    """
    scenario = plant if isinstance(plant, Scenario) else None
    plant = plant.plant if isinstance(plant, Scenario) else plant
    check_parts(agent, plant, progress)
    scenario = scenario_of(plant) if scenario is None else scenario
    cost_fits(plant.cost if cost is None else cost, plant)
    check_plant_fits(agent.critic, plant)
    check_range(agent.actor, plant)
    for name, network in (("actor", agent.actor), ("critic", agent.critic)):
        check_weights(name, network, agent.settings.weight_limit)
    members = check_seeds(seeds)
    planned = whole_number(episodes, "episodes", TrainingError, least=1)
    length = whole_number(scenario.steps if steps is None else steps, "steps", TrainingError, least=1)
    tests = np.empty((0, plant.n)) if test_starts is None else checked_starts(test_starts, "test_starts", plant)
    check_sizes(agent, plant, len(members), planned, length, len(tests))
    run = _Training(agent, scenario, cost, planned, members, length, tests)
    try:
        for _ in range(planned):
            run.episode()
            if progress is not None:
                progress(run.progress())
    except KeyboardInterrupt as stop:
        raise Interrupted(run.training()) from stop
    except Trouble as trouble:
        where = (run.done, run.step, members[trouble.member], trouble.network)
        raise Diverged(trouble.what, *where, run.training()) from None
    return run.training()


class _Kept(NamedTuple):
    """The networks after the last finished episode: one value, so that stopping by hand never splits it."""

    episodes: int
    actor: StackedNetwork
    critic: StackedNetwork


class _Training:
    """A training under way: `done` episodes are finished, `step` is the one being taken in the next."""

    def __init__(
        self,
        agent: Agent,
        scenario: Scenario,
        cost: Cost | None,
        planned: int,
        seeds: tuple[int, ...],
        steps: int,
        test_starts: Array,
    ) -> None:
        plant = scenario.plant
        self.scenario, self.plant, self.cost = scenario, plant, cost
        self.planned, self.seeds, self.steps = planned, seeds, steps
        self.discount, self.settings = agent.discount, agent.settings
        self.step = 0
        self.learner = agent.learner(seeds, plant)
        self.guard = Guard(self.learner, self.settings.weight_limit)
        self.starts, self.noise, replay = ([_generator(seed, use) for seed in seeds] for use in range(3))
        world = [_generator(seed, 3, 0) for seed in seeds]
        self.buffer = ReplayBuffer(min(self.settings.buffer_size, planned * steps), plant.n, plant.m, replay)
        self.ledger = LedgerWriter(plant, seeds, planned)
        self.losses = np.full((2, len(seeds), planned), np.nan)
        self.test_starts = test_starts
        self.test_costs = np.empty((len(seeds), planned + 1, len(test_starts)))
        self.test_unsafe = np.zeros(self.test_costs.shape, dtype=bool)
        self.run = Run(scenario, np.tile(plant.equilibrium[0], (len(seeds), 1)), world, steps, cost)
        self.kept = self._tested(0)

    @property
    def done(self) -> int:
        """Return how many episodes are finished."""
        return self.kept.episodes

    def episode(self) -> None:
        """Run one episode of every member, with its updates and its test."""
        everyone = np.ones(len(self.seeds), dtype=bool)
        normals = np.stack([g.standard_normal((self.steps, self.plant.m)) for g in self.noise], axis=1)
        total, updates = torch.zeros(2, len(self.seeds), dtype=torch.float64), 0
        self._begin_runs(everyone)
        for step in range(self.steps):
            self.step = step
            ended = self._move(normals[step])
            if step + 1 < self.steps and ended.any():
                self._begin_runs(ended)
            for _ in range(self._updates_due()):
                losses = self.learner.update(self.buffer.sample(self.settings.batch_size))
                self.guard.check(losses)
                total += torch.stack(losses)
                updates += 1
        if updates:
            self.losses[:, :, self.done] = total / updates
        self.ledger.write_updates(self.done, updates)
        try:
            self.kept = self._tested(self.done + 1)
        except PlantError as refusal:
            raise Refused(str(refusal), self.done, self.training()) from refusal

    def progress(self) -> Progress:
        """Return where training stands."""
        last = self.done - 1
        ledger = self.ledger.ledger(self.done)
        costs, violations = ledger.cost[:, last], ledger.violations[:, last]
        return Progress(self.done, self.planned, self.seeds, costs, violations, frozen(self.test_costs[:, self.done]))

    def training(self) -> Training:
        """Return everything up to the last finished episode."""
        done, members = self.done, range(len(self.seeds))
        log = TrainingLog(
            test_starts=frozen(self.test_starts),
            test_costs=frozen(self.test_costs[:, : done + 1]),
            test_unsafe=frozen(self.test_unsafe[:, : done + 1]),
            critic_loss=frozen(self.losses[0, :, :done]),
            actor_loss=frozen(self.losses[1, :, :done]),
        )
        return Training(
            seeds=self.seeds,
            episodes=done,
            discount=self.discount,
            actors=tuple(self.kept.actor.member(i) for i in members),
            critics=tuple(self.kept.critic.member(i) for i in members),
            log=log,
            ledger=self.ledger.ledger(done),
        )

    def _move(self, normals: Array) -> Flags:
        """Take one plant step of every member, remember it, and return which runs (S,) it ended."""
        x = self.run.reading
        wanted = self.learner.explore(x, normals)
        self.guard.check_inputs(wanted)
        moves = self.run.move(np.clip(wanted, *self.plant.input_bounds))
        self.buffer.add(x, moves.applied, moves.cost, self._seen_after(moves), moves.ended)
        self.ledger.write(
            self.done, self.step, Step(wanted, moves.wanted, moves.after, moves.cost, moves.unsafe, moves.runaway)
        )
        return moves.ended

    def _seen_after(self, moves: Moves) -> Array:
        """Return the next states (S, n) as the learner will see them; those of runs that are over, as they are."""
        return np.where(moves.ended[:, None], moves.after, self.run.reading)

    def _begin_runs(self, members: Flags) -> None:
        """Put the members (S,) at fresh starts, each drawn from the member's own generator."""
        chosen = np.flatnonzero(members)
        starts = [self.scenario.sample_starts(self.starts[i], 1)[0] for i in chosen]
        self.run.restart(members, np.reshape(starts, (len(chosen), self.plant.n)))
        self.ledger.new_runs(self.done, members)

    def _updates_due(self) -> int:
        taken = self.done * self.steps + self.step + 1
        ready = taken >= self.settings.warm_up and self.buffer.size >= self.settings.batch_size
        return self.settings.updates_per_step if ready else 0

    def _tested(self, episodes: int) -> _Kept:
        """Test the networks as they are after so many episodes, and return copies of them."""
        if len(self.test_starts):
            tested = evaluate(self.learner.actor, self.scenario, self.cost, starts=self.test_starts, steps=self.steps)
            self.test_costs[:, episodes] = tested.costs
            self.test_unsafe[:, episodes] = tested.violations
        return _Kept(episodes, copy.deepcopy(self.learner.actor), copy.deepcopy(self.learner.critic))


def _generator(seed: int, *use: int) -> np.random.Generator:
    """Return the generator of one seed for one use: (0,) starts, (1,) exploration, (2,) replay, (3, 0) disturbances.

    Evaluation draws the disturbances of row i from (i,) of its own seed: no seed of training meets them beforehand.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=use))
