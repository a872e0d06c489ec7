"""The gatekeeper: judges the actors of a training under way by rollouts, each seed's for itself."""

import copy
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from plants import Cost, Scenario, Trajectory, simulate
from plants.arrays import Array
from plants.scenario import scenario_of
from rl.border import border_points
from rl.confidence import error_of, lower_bound
from rl.core import Core, start_outside
from rl.evaluate import checked_starts
from rl.gate import Delivered, Gate, GateDecision
from rl.generators import GATE, generator
from rl.loss_range import largest_loss
from rl.rates import rate_of
from yann.stacked import StackedNetwork

_MOST_SEED = 2**63


class Gatekeeper:
    """A gate at work in one training: `laws` (a stack of S) are the actors before it.

    Starts and disturbances come from one generator per seed, fresh at each gate, so no actor has been trained or judged
    on them before, and what a seed's gates find does not depend on the other seeds.
    """

    def __init__(
        self,
        gate: Gate,
        scenario: Scenario,
        cost: Cost | None,
        steps: int,
        seeds: Sequence[int],
        laws: StackedNetwork,
        core: Core,
    ) -> None:
        self.gate, self.seeds, self.steps, self.cost = gate, tuple(seeds), steps, cost
        self.simulator = scenario if gate.simulator is None else scenario_of(gate.simulator)
        self.laws, self.core = laws, core
        self.actor = copy.deepcopy(laws)
        self.decisions: tuple[GateDecision, ...] = ()
        self.generators = [generator(seed, GATE) for seed in seeds]
        charged = self.simulator.plant.cost if cost is None else cost
        found = gate.largest_loss
        self.limit = largest_loss(self.simulator, charged, steps) if found is None else float(found)

    def due(self, episode: int, planned: int) -> bool:
        """Return whether there is a gate after so many episodes."""
        return episode > 0 and (episode % self.gate.every == 0 or episode == planned)

    def judge(self, actors: StackedNetwork, episode: int) -> tuple[GateDecision, ...]:
        """Return the decision on each of the actors (a stack of S) as trained; accepted ones stand from now on."""
        found = tuple(self._decide(i, actors.member(i), episode) for i in range(len(self.seeds)))
        self._take([i for i, decision in enumerate(found) if decision.accepted], actors)
        self.decisions = (*self.decisions, *found)
        return found

    def rejected(self, episode: int) -> list[tuple[int, GateDecision]]:
        """Return the members whose actors were rejected after that episode, with the decisions."""
        latest = [decision for decision in self.decisions if decision.episode == episode]
        return [(i, decision) for i, decision in enumerate(latest) if not decision.accepted]

    @property
    def delivered(self) -> Delivered:
        """Return a copy of the actors that stand now, with all decisions."""
        return Delivered(copy.deepcopy(self.actor), self.decisions)

    @property
    def log(self) -> str:
        """The decisions as JSON, for checkpoints, which set it."""
        return json.dumps([decision.row() for decision in self.decisions])

    @log.setter
    def log(self, text: str) -> None:
        self.decisions = tuple(GateDecision(**row) for row in json.loads(text))

    def state(self) -> dict[str, Any]:
        """Return all that gates change, for a checkpoint."""
        return {"generators": self.generators, "actor": self.actor, "log": self.log}

    def _take(self, members: list[int], actors: StackedNetwork) -> None:
        """Replace the actors of some members."""
        for mine, theirs in zip(self.actor.parameters(), actors.parameters(), strict=True):
            mine.data[members] = theirs.data[members]

    def _decide(self, i: int, actor: StackedNetwork, episode: int) -> GateDecision:
        """Return the decision on one member's actor."""
        seed = self.seeds[i]
        before = [decision for decision in self.decisions if decision.seed == seed]
        starts, on_border = self._starts(self.generators[i])
        world = int(self.generators[i].integers(_MOST_SEED))
        ran = [self._run(self.laws.member(i), starts, world), self._run(actor, starts, world)]
        if any(decision.accepted for decision in before):
            ran.append(self._run(self.actor.member(i), starts, world))
        law, new, incumbent = ran[0], ran[1], ran[-1] if len(ran) > 2 else ran[0]
        gained = law.total_cost - new.total_cost
        border, elsewhere = gained[:on_border], gained[on_border:]
        error = error_of(len(before) + 1, self.gate.error_rate)
        bound = lower_bound(np.maximum(elsewhere, -self.limit), self.limit, error)
        over = float((incumbent.total_cost - new.total_cost)[on_border:].mean())
        worst, loss = _most_lost(border), _most_lost(elsewhere)
        unsafe = new.unsafe & ~law.unsafe
        violations = int(unsafe.sum())
        chance = rate_of(int(unsafe[on_border:].sum()), len(elsewhere), 1 - error).at_most
        reason = self._objection(worst, violations, loss, bound, over)
        return GateDecision(
            seed=seed,
            episode=episode,
            accepted=not reason,
            reason=reason,
            improvement=float(elsewhere.mean()),
            bound=bound,
            over_incumbent=over,
            worst_loss=loss,
            worst_border=worst,
            new_violations=violations,
            violation_bound=chance,
            error_spent=error,
            simulated_steps=sum(int(run.ended_at.sum()) for run in ran),
        )

    def _objection(self, worst: float, violations: int, loss: float, bound: float, over: float) -> str:
        """Return why an actor is rejected, or nothing."""
        if violations:
            return f"{violations} of all starts became unsafe that the law kept safe"
        if worst > self.gate.tolerance:
            return f"a start on the border got worse by {worst:.4g}, above the tolerance of {self.gate.tolerance:g}"
        if loss > self.limit:
            return f"a start got worse by {loss:.4g}, above the largest loss of {self.limit:g} that was declared"
        if bound <= 0:
            return f"the mean improvement over the law may be as low as {bound:.4g}"
        if over < 0:
            return f"the mean is worse by {-over:.4g} than that of the actor accepted before"
        return ""

    def _starts(self, source: np.random.Generator) -> tuple[Array, int]:
        """Return all starts (B + count, n), and B, how many of them lie on the border."""
        plant = self.simulator.plant
        own = np.empty((0, plant.n)) if self.gate.border is None else checked_starts(self.gate.border, "border", plant)
        found = border_points(self.core, plant, source, self.gate.border_count)
        elsewhere = [start_outside(self.core, self.simulator, source) for _ in range(self.gate.count)]
        return np.concatenate([own, found, elsewhere]), len(own) + len(found)

    def _run(self, actor: StackedNetwork, starts: Array, world: int) -> Trajectory:
        return simulate(self.simulator, actor, starts, self.steps, self.cost, world)


def _most_lost(gained: Array) -> float:
    """Return the largest loss among gains (k,), 0 if there is none."""
    return float(np.maximum(-gained, 0).max(initial=0.0))
