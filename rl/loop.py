"""The training loop: the only one, for every agent."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from plants import Cost, PlantError, Scenario
from plants.arrays import Array
from plants.run import Moves, Run
from rl.agent import Agent
from rl.callbacks import Announcer, Callback, Evaluated, RolledBack, StepTaken, Updated, Violated, tell
from rl.core import core_of, start_outside
from rl.errors import Refused
from rl.evaluate import evaluate
from rl.filtered import filter_of
from rl.gate import Delivered, Gate
from rl.gatekeeper import Gatekeeper
from rl.generators import DISTURBANCES, EXPLORATION, REPLAY, STARTS, generator
from rl.guard import Guard, named
from rl.ledger import Flags, LedgerWriter, Step, frozen
from rl.replay import ReplayBuffer
from rl.returns import ReturnWriter
from rl.training import LossWriter, Progress, Training, TrainingLog
from yann.stacked import StackedNetwork


class _Kept(NamedTuple):
    """The networks after the last finished episode: one value, so that stopping by hand never splits it."""

    episodes: int
    actor: StackedNetwork
    critic: StackedNetwork
    delivered: Delivered


class Loop:
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
        gate: Gate | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        plant, settings = scenario.plant, agent.settings
        self.scenario, self.plant, self.cost = scenario, plant, cost
        self.planned, self.seeds, self.steps = planned, seeds, steps
        self.discount, self.settings = agent.discount, settings
        self.core, self.filter = core_of(agent.actor), filter_of(agent.actor)
        self.step = self.resumed = 0
        self.learner = agent.learner(seeds, plant if cost is None else replace(plant, cost=cost))
        self.guard = Guard(self.learner, settings.weight_limit)
        self.starts, self.noise, replay = ([generator(s, use) for s in seeds] for use in (STARTS, EXPLORATION, REPLAY))
        self.world = [generator(seed, DISTURBANCES) for seed in seeds]
        capacity = min(settings.buffer_size, (planned + settings.prefill) * steps)
        self.buffer = ReplayBuffer(capacity, plant.n, plant.m, replay)
        self.writer = ReturnWriter(self.buffer, settings.return_steps, self.discount, plant.n, plant.m)
        self.ledger = LedgerWriter(plant, seeds, planned)
        self.losses = LossWriter(len(seeds), planned)
        self.test_starts = test_starts
        self.test_costs = np.empty((len(seeds), planned + 1, len(test_starts)))
        self.test_unsafe = np.zeros(self.test_costs.shape, dtype=bool)
        self.run = Run(scenario, np.tile(plant.equilibrium[0], (len(seeds), 1)), self.world, steps, cost)
        self.tell = Announcer(callbacks)
        laws = copy.deepcopy(self.learner.actor)
        self.gate = None if gate is None else Gatekeeper(gate, scenario, cost, steps, seeds, laws, self.core)
        self.kept = self._tested(0)

    @property
    def done(self) -> int:
        """Return how many episodes are finished."""
        return self.kept.episodes

    def begin(self) -> None:
        """Fill the memory under the exploring actor as it is, and let the critic learn from that, where asked for."""
        self._announce_test()
        for _ in range(self.settings.prefill):
            for _ in self._moves():
                pass
        if self.settings.prefill:
            self._learn(self.settings.critic_first)

    def episode(self) -> None:
        """Run one episode of every member, with its updates and its test."""
        for step in self._moves():
            self._learn(self._updates_due(step))
        try:
            self.kept = self._tested(self.done + 1)
        except PlantError as refusal:
            raise Refused(str(refusal), self.done, self.training()) from refusal
        self._announce_test()
        self._roll_back()
        if self.tell.episode:
            tell(self.tell.episode, self.progress())

    def resume(self, episodes: int) -> None:
        """Go on from so many finished episodes, whose numbers have been put into all parts."""
        self.resumed = episodes
        actor, critic = copy.deepcopy(self.learner.actor), copy.deepcopy(self.learner.critic)
        self.kept = _Kept(episodes, actor, critic, self._delivered(actor))

    def progress(self) -> Progress:
        """Return where training stands."""
        last = self.done - 1
        ledger = self.ledger.ledger(self.done)
        costs, violations = ledger.cost[:, last], ledger.violations[:, last]
        tests = frozen(self.test_costs[:, self.done])
        return Progress(self.done, self.planned, self.seeds, costs, violations, tests, self.resumed)

    def training(self) -> Training:
        """Return everything up to the last finished episode."""
        done, members = self.done, range(len(self.seeds))
        losses = self.losses.means(done)
        log = TrainingLog(
            test_starts=frozen(self.test_starts),
            test_costs=frozen(self.test_costs[:, : done + 1]),
            test_unsafe=frozen(self.test_unsafe[:, : done + 1]),
            critic_loss=losses.pop("critic"),
            actor_loss=losses.pop("actor"),
            others=losses,
        )
        return Training(
            seeds=self.seeds,
            episodes=done,
            discount=self.discount,
            actors=tuple(self.kept.delivered.actor.member(i) for i in members),
            last_actors=tuple(self.kept.actor.member(i) for i in members),
            critics=tuple(self.kept.critic.member(i) for i in members),
            log=log,
            ledger=self.ledger.ledger(done),
            decisions=self.kept.delivered.decisions,
        )

    def _moves(self) -> Iterator[int]:
        """Take an episode's steps with every member, and yield the number of each when it is taken."""
        normals = np.stack([g.standard_normal((self.steps, self.plant.m)) for g in self.noise], axis=1)
        self._begin_runs(np.ones(len(self.seeds), dtype=bool))
        for step in range(self.steps):
            self.step = step
            over = self._move(normals[step], last=step + 1 == self.steps)
            if step + 1 < self.steps and over.any():
                self._begin_runs(over)
            yield step

    def _move(self, normals: Array, last: bool) -> Flags:
        """Take one plant step of every member, remember it, and return which runs (S,) it ended."""
        x = self.run.reading
        worth = ~self.core.contains(x)
        wanted = self.learner.explore(x, normals * worth[:, None])
        self.guard.check_inputs(wanted)
        within = np.clip(wanted, *self.plant.input_bounds)
        given = self.filter.filtered(x, within)
        moves = self._moved(given)
        after = self._seen_after(moves)
        known, over = self._known(after, moves.ended)
        self.writer.step(x, moves.applied, moves.cost, after, known, over | last, worth)
        unguarded = ~self.filter.contains(x)
        did = Step(wanted, within, given, moves.after, moves.cost, moves.unsafe, moves.runaway, unguarded)
        self.ledger.write(self.done, self.step, did)
        self._announce_move(x, wanted, moves)
        return over

    def _moved(self, given: Array) -> Moves:
        """Return what the plant did; raise Refused, with all that is finished, where it does not take the step."""
        try:
            return self.run.move(given)
        except PlantError as refusal:
            raise Refused(str(refusal), self.done, self.training(), self.step) from refusal

    def _known(self, after: Array, ended: Flags) -> tuple[Array, Flags]:
        """Return what is known to follow (S,), NaN where nothing is, and which runs (S,) are over.

        Nothing follows the end of a run. A run that has come into the core has no more to teach: its value is known.
        """
        known = np.where(ended, 0.0, np.nan)
        kept = self.core.contains(after) & ~ended
        if kept.any():
            known[kept] = self.core.value(after[kept])
        return known, ended | kept

    def _seen_after(self, moves: Moves) -> Array:
        """Return the next states (S, n) as the learner will see them; those of runs that are over, as they are."""
        return np.where(moves.ended[:, None], moves.after, self.run.reading)

    def _begin_runs(self, members: Flags) -> None:
        """Put the members (S,) at fresh starts outside the core, each drawn from the member's own generator."""
        chosen = np.flatnonzero(members)
        starts = [start_outside(self.core, self.scenario, self.starts[i]) for i in chosen]
        self.run.restart(members, np.reshape(starts, (len(chosen), self.plant.n)))
        self.ledger.new_runs(self.done, members)

    def _learn(self, updates: int) -> None:
        for _ in range(updates):
            losses = self.learner.update(self.buffer.sample(self.settings.batch_size))
            self.guard.check(losses)
            self.losses.write(self.done, losses)
            if self.tell.update:
                numbers = {name: loss.numpy().copy() for name, loss in named(losses).items()}
                tell(self.tell.update, Updated(self.done, self.step, self.seeds, numbers))
        self.ledger.write_updates(self.done, updates)

    def _updates_due(self, step: int) -> int:
        """Return how many updates follow this step; never does it depend on what the other members met."""
        taken = (self.done + self.settings.prefill) * self.steps + step + 1
        ready = taken >= max(self.settings.warm_up, self.settings.batch_size, self.settings.return_steps)
        return self.settings.updates_per_step if ready and taken % self.settings.steps_per_update == 0 else 0

    def _tested(self, episodes: int) -> _Kept:
        """Test the networks as they are after so many episodes, and return copies of them."""
        if len(self.test_starts):
            tested = evaluate(self.learner.actor, self.scenario, self.cost, starts=self.test_starts, steps=self.steps)
            self.test_costs[:, episodes] = tested.costs
            self.test_unsafe[:, episodes] = tested.violations
        actor = copy.deepcopy(self.learner.actor)
        return _Kept(episodes, actor, copy.deepcopy(self.learner.critic), self._gated(actor, episodes))

    def _gated(self, actor: StackedNetwork, episodes: int) -> Delivered:
        """Return what is delivered after so many episodes: without a gate, the actors as they are."""
        if self.gate is not None and self.gate.due(episodes, self.planned):
            for i, decision in enumerate(self.gate.judge(actor, episodes)):
                self.ledger.write_gate(episodes - 1, i, decision.simulated_steps, decision.accepted)
        return self._delivered(actor)

    def _delivered(self, actor: StackedNetwork) -> Delivered:
        return Delivered(actor, ()) if self.gate is None else self.gate.delivered

    def _roll_back(self) -> None:
        """Tell of the actors that the gate rejected just now, and go on from those before them, where asked for."""
        if self.gate is None:
            return
        restore = self.gate.gate.restore
        for i, decision in self.gate.rejected(self.done):
            if restore:
                self.learner.take_back(i, self.gate.actor.member(i))
            tell(self.tell.rollback, RolledBack(decision, restore))

    def _announce_test(self) -> None:
        if self.tell.evaluation and len(self.test_starts):
            costs, unsafe = self.test_costs[:, self.done].copy(), self.test_unsafe[:, self.done].copy()
            tell(self.tell.evaluation, Evaluated(self.done, self.seeds, costs, unsafe))

    def _announce_move(self, x: Array, wanted: Array, moves: Moves) -> None:
        """Tell of a plant step, and of each violation in it, to those who listen."""
        if self.tell.step:
            own = (part.copy() for part in (x, wanted, moves.applied, moves.after, moves.cost))
            tell(self.tell.step, StepTaken(self.done, self.step, self.seeds, *own))
        if self.tell.violation:
            for i in np.flatnonzero(moves.unsafe):
                event = Violated(self.done, self.step, self.seeds[i], moves.after[i].copy())
                tell(self.tell.violation, event)
