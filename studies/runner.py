"""Running a study: block by block, each kept on disk until the whole is written, so that it can be resumed."""

import hashlib
import json
import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mpc import FileFormatError
from mpc.explicit.storage import read_archive, write_archive
from plants import Scenario
from plants.arrays import Array
from rl import Progress, Training, evaluate, train
from rl.agent import Agent
from rl.filtered import NoFilter, filter_of
from studies.case import Case, Study
from studies.core_check import core_excess
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.guarantee import guaranteed
from studies.method_result import Baseline, MethodResult
from studies.provenance import provenance, source_digest
from studies.result import StudyResult
from studies.workers import Reader, run_tasks
from yann import compile_law, verify
from yann.stacked import StackedNetwork

KIND = "study block"


class Block(NamedTuple):
    """The unit of work: a method in a world, with some seeds that are trained as one stack."""

    scenario: str
    method: str
    seeds: range

    @property
    def file(self) -> str:
        """Return the name of the file that keeps it."""
        return f"block-{self.scenario}-{self.method}-{self.seeds[0]}-{self.seeds[-1]}.npz"


def run_study(
    study: Study, folder: StudyFolder, command: str, reader: Reader | None = None, workers: int = 1
) -> StudyResult:
    """Return the finished study, saved in `folder`; blocks that an interrupted run left there are not run again.

    Blocks run on up to `workers` processes; the result is the same for any number of them. `timing.json` beside it
    has the seconds of every block, so that result.json is the same from run to run.
    Raises StudyError if a network is not its law, or a safe set not what its certificate says; what training raises
    passes as it is.
    """
    case = study.build()
    checks = check_networks(case)
    guarantee = None if case.guarded is None else guaranteed(case.guarded)
    blocks, seconds = _all_blocks(study, case, folder, reader, workers)
    methods = [
        MethodResult.joined([blocks[Block(scenario, name, seeds)] for seeds in study.blocks])
        for scenario, agents in case.agents.items()
        for name in agents
    ]
    result = StudyResult(
        name=study.name,
        settings=asdict(study),
        methods=tuple(methods),
        baselines=tuple(_baseline(case, *at) for at in case.controllers()),
        law=case.law,
        starts=case.starts,
        groups=dict(case.groups),
        stored_best={scenario: case.best[scenario] for scenario in case.worlds},
        grid=case.grid,
        path_starts=case.path_starts,
        checks=checks,
        provenance=provenance(command) | {"law_sha256": case.law.digest},
        guarantee=guarantee,
    )
    result.save(folder)
    if case.guarded is not None:
        case.guarded.safe.certificate.save(folder.file("certificate.json"))
    folder.write_json("timing.json", seconds)
    _forget_blocks(folder)
    return result


def check_networks(case: Case) -> dict[str, Any]:
    """Return what verify says of the actor and of the five-layer network; raise StudyError if one is not the law."""
    found = {"YANN actor": verify(case.actor, case.law), "five-layer network": verify(compile_law(case.law), case.law)}
    for name, verification in found.items():
        if not verification.passed:
            raise StudyError(f"the {name} is not its law, so nothing was trained:\n{verification}")
    return {name: {"max_error": v.max_error, "points": v.counts} for name, v in found.items()}


def _baseline(case: Case, scenario: str, name: str) -> Baseline:
    """Return what a controller that learns nothing costs in a world, from every test start."""
    run = evaluate(case.baselines[scenario][name], case.worlds[scenario], starts=case.starts)
    return Baseline(name, scenario, run.costs, run.violations.astype(np.int64))


def _all_blocks(
    study: Study, case: Case, folder: StudyFolder, reader: Reader | None, workers: int
) -> tuple[dict[Block, MethodResult], dict[str, float]]:
    """Return every block, kept or run now, and the seconds of those run now."""
    every = [
        Block(scenario, name, seeds)
        for scenario, agents in case.agents.items()
        for name in agents
        for seeds in study.blocks
    ]
    kept = {block: _kept_block(study, folder, block) for block in every}
    blocks = {block: part for block, part in kept.items() if part is not None}
    missing, seconds = [block for block in every if block not in blocks], {}
    for index, (part, taken) in run_tasks(run_block, [(study, block) for block in missing], workers, reader):
        block = missing[index]
        _keep_block(study, folder, block, part)
        blocks[block] = part
        seconds[f"{block.scenario}, {block.method}, seeds {block.seeds[0]} to {block.seeds[-1]}"] = taken
    return blocks, seconds


def run_block(study: Study, block: Block, reader: Reader | None) -> tuple[MethodResult, float]:
    """Return what one method did in one world with one block of seeds, and the seconds that it took."""
    began = time.perf_counter()
    case = study.build()
    agent, world, seeds = case.agents[block.scenario][block.method], case.worlds[block.scenario], block.seeds
    training = train(
        agent,
        world,
        episodes=study.episodes,
        seeds=seeds,
        test_starts=case.starts,
        gate=case.gates.get(block.method),
        progress=None if reader is None else partial(_tell, reader, _label(case, block), seeds),
    )
    first = agent.actor.replicate(seeds)
    before = [first.member(i) for i in range(len(seeds))]
    states, inputs = _paths(world, [before, list(training.actors)], case.starts[list(case.path_starts)])
    result = MethodResult(
        name=block.method,
        scenario=block.scenario,
        seeds=tuple(seeds),
        discount=training.discount,
        actor_weights=_weights(agent.actor),
        critic_weights=_weights(agent.critic),
        **_log(training, world),
        **_filtering(agent, training),
        grid_inputs=np.array([[actor(case.grid) for actor in actors] for actors in (before, training.actors)]),
        paths=states,
        path_inputs=inputs,
        core_excess=core_excess(agent.actor, training.actors, world),
    )
    return result, round(time.perf_counter() - began, 1)


def _label(case: Case, block: Block) -> str:
    """Return how progress names a block: by its scenario, too, where there are several."""
    return block.method if len(case.worlds) == 1 else f"{block.method}, {block.scenario}"


def _tell(reader: Reader, label: str, seeds: range, progress: Progress) -> None:
    reader(label, seeds, progress)


def _log(training: Training, world: Scenario) -> dict[str, np.ndarray]:
    """Return the tables of a training; a gate's last column is that of the actors that it delivers."""
    costs, unsafe = training.log.test_costs.copy(), training.log.test_unsafe.astype(np.int64)
    if training.decisions:
        tests = [evaluate(actor, world, starts=training.log.test_starts) for actor in training.actors]
        costs[:, -1] = [test.costs for test in tests]
        unsafe[:, -1] = [test.violations for test in tests]
    return {
        "test_costs": costs,
        "test_unsafe": unsafe,
        "training_costs": training.ledger.cost,
        "runs": training.ledger.runs.astype(np.int64),
        "violations": training.ledger.violations.astype(np.int64),
    }


def _filtering(agent: Agent, training: Training) -> dict[str, np.ndarray]:
    """Return what a filter did in training, where the agent's actor ends in one."""
    if isinstance(filter_of(agent.actor), NoFilter):
        return {}
    return {"interventions": training.ledger.interventions, "unguarded": training.ledger.unguarded}


def _paths(world: Scenario, actors: list[list[StackedNetwork]], starts: Array) -> tuple[Array, Array]:
    runs = [[evaluate(a, world, starts=starts).trajectory for a in some] for some in actors]
    states = np.array([[run.states for run in some] for some in runs])
    return states, np.array([[run.inputs for run in some] for some in runs])


def _weights(network: StackedNetwork) -> int:
    return sum(p[0].numel() for p in network.parameters() if p.requires_grad)


def _block_digest(study: Study) -> str:
    """Return a hash of all that a block depends on; the number of seeds is not among it."""
    settings = asdict(replace(study, seeds=1, first_seed=0))
    whole = json.dumps({study.name: settings}, sort_keys=True) + source_digest()
    return hashlib.sha256(whole.encode()).hexdigest()


def _keep_block(study: Study, folder: StudyFolder, block: Block, part: MethodResult) -> None:
    facts = {"facts": part.facts(), "study": _block_digest(study)}
    write_archive(folder.file(block.file), KIND, facts, part.arrays())


def _kept_block(study: Study, folder: StudyFolder, block: Block) -> MethodResult | None:
    """Return the block that an interrupted run of this very study left, if there is a whole one of these seeds."""
    try:
        data, arrays = read_archive(folder.file(block.file), KIND)
        part = MethodResult.of(data["facts"], arrays)
    except (FileNotFoundError, FileFormatError, KeyError, TypeError):
        return None
    own = data.get("study") == _block_digest(study)
    same = (part.scenario, part.name, part.seeds) == (block.scenario, block.method, tuple(block.seeds))
    return part if own and same else None


def _forget_blocks(folder: StudyFolder) -> None:
    for path in folder.path.glob("block-*.npz"):
        path.unlink()
