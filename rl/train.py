"""The front door of training: what it takes is checked here, before the loop begins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from plants import Cost, Plant, Scenario
from plants.arrays import whole_number
from plants.scenario import scenario_of
from plants.validation import cost_fits
from rl.agent import Agent
from rl.callbacks import Callback, checked_callbacks
from rl.checkpoint import Checkpoints, Keeper, kept_in
from rl.core_check import check_core
from rl.errors import Diverged, Interrupted, Refused, TrainingError, by_hand, keep
from rl.evaluate import checked_starts
from rl.filtered import check_filter
from rl.fitting import check_parts, check_plant_fits, check_range, check_seeds, check_weights
from rl.gate import Gate, check_gate
from rl.guard import Trouble
from rl.identity import identity
from rl.loop import Loop
from rl.size import check_sizes
from rl.training import ProgressReader, Training


def train(
    agent: Agent,
    plant: Plant | Scenario,
    cost: Cost | None = None,
    episodes: int = 50,
    seeds: Sequence[int] = range(10),
    steps: int | None = None,
    test_starts: ArrayLike | None = None,
    progress: ProgressReader | None = None,
    gate: Gate | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoints: Checkpoints | None = None,
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
    testing changes nothing in training. `progress` is called after every episode, `callbacks` hear of more. A `gate`
    compares the actors with those before training, in a simulator, and decides which are delivered. With `checkpoints`
    the same call goes on, to the same bits, from the episodes that were written there before it was stopped or killed;
    a call for more episodes prolongs what is done.

    Raises TrainingError for arguments that do not fit, before any training, and as CheckpointError for a folder of
    checkpoints that cannot be used; Diverged at the step where a
    loss or weight goes bad; Refused where a plant that does not clip refuses an actor's input in a later test, or
    refuses a step; Interrupted (a KeyboardInterrupt) when stopped by hand. The last three carry, as `.training`,
    everything up to the last finished episode, and so does whatever a callback or a full disk raises on the way.
    """
    scenario = plant if isinstance(plant, Scenario) else None
    plant = plant.plant if isinstance(plant, Scenario) else plant
    check_parts(agent, plant, progress)
    scenario = scenario_of(plant) if scenario is None else scenario
    cost_fits(plant.cost if cost is None else cost, plant)
    check_plant_fits(agent.critic, plant)
    check_range(agent.actor, plant)
    check_filter(agent.actor, plant)
    check_core(agent, scenario, cost)
    for name, network in (("actor", agent.actor), ("critic", agent.critic)):
        check_weights(name, network, agent.settings.weight_limit)
    members = check_seeds(seeds)
    planned = whole_number(episodes, "episodes", TrainingError, least=1)
    length = whole_number(scenario.steps if steps is None else steps, "steps", TrainingError, least=1)
    tests = np.empty((0, plant.n)) if test_starts is None else checked_starts(test_starts, "test_starts", plant)
    listeners = checked_callbacks(callbacks)
    check_gate(gate, plant)
    check_sizes(agent, plant, len(members), planned, length, len(tests), gate)
    whose = {} if checkpoints is None else identity(agent, scenario, cost, members, length, tests, gate)
    with kept_in(checkpoints, whose) as keeper:
        run = Loop(agent, scenario, cost, planned, members, length, tests, gate, listeners)
        keeper.resume(run)
        return _trained(run, keeper, progress)


def _trained(run: Loop, keeper: Keeper, progress: ProgressReader | None) -> Training:
    """Return what training gives from where it stands, with words for each way in which it may end early."""
    try:
        if not run.done:
            run.begin()
        while run.done < run.planned:
            run.episode()
            keeper.save(run)
            if progress is not None:
                progress(run.progress())
    except (KeyboardInterrupt, SystemError) as stop:
        if by_hand(stop):
            raise Interrupted(run.training()) from stop
        keep(run.training(), stop)
        raise
    except Trouble as trouble:
        run.ledger.write_divergence(trouble.member)
        where = (run.done, run.step, run.seeds[trouble.member], trouble.network)
        raise Diverged(trouble.what, *where, run.training()) from None
    except Exception as error:
        if not isinstance(error, Refused):
            keep(run.training(), error)
        raise
    return run.training()
