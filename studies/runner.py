"""Running a study: block by block, each kept on disk until the whole is written, so that it can be resumed."""

import hashlib
import json
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mpc import FileFormatError
from mpc.explicit.storage import read_archive, write_archive
from plants.arrays import Array
from rl import Progress, Training, evaluate, train
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.pendulum import PendulumCase, PendulumStudy, build
from studies.published import published_pendulum
from studies.result import MethodResult, StudyResult, provenance, source_digest
from studies.workers import Reader, run_tasks
from yann import compile_law, verify
from yann.stacked import StackedNetwork

KIND = "study block"
GRID = 121
PATH_STARTS = (2, 3, 8, 9)


def run_study(
    study: PendulumStudy, folder: StudyFolder, command: str, reader: Reader | None = None, workers: int = 1
) -> StudyResult:
    """Return the finished study, saved in `folder`; blocks that an interrupted run left there are not run again.

    Blocks run on up to `workers` processes; the result is the same for any number of them. `timing.json` beside it
    has the seconds of every block, so that result.json is the same from run to run.
    Raises StudyError if a network is not its law; what training raises passes as it is.
    """
    case = build(study)
    checks = check_networks(case)
    published = published_pendulum()
    blocks, seconds = _all_blocks(study, case, folder, reader, workers)
    methods = [MethodResult.joined([blocks[name, seeds[0]] for seeds in study.blocks]) for name in case.agents]
    result = StudyResult(
        name="pendulum",
        settings=asdict(study),
        methods=tuple(methods),
        law=case.law,
        starts=published.starts,
        groups=groups(),
        stored_best=published.best_known(published.starts),
        grid=state_grid(case),
        path_starts=PATH_STARTS,
        checks=checks,
        provenance=provenance(command) | {"law_sha256": case.law.digest},
    )
    result.save(folder)
    folder.write_json("timing.json", seconds)
    _forget_blocks(folder)
    return result


def groups() -> dict[str, list[int]]:
    """Return the indices of the test starts: eight easy, the ten like the paper's, the twenty hard."""
    published = published_pendulum()
    easy, ten, all_starts = len(published.easy), len(published.easy) + len(published.hard), len(published.starts)
    return {"easy": list(range(easy)), "paper-like": list(range(ten)), "hard": list(range(ten, all_starts))}


def check_networks(case: PendulumCase) -> dict[str, Any]:
    """Return what verify says of the actor and of the five-layer network; raise StudyError if one is not the law."""
    found = {"YANN actor": verify(case.actor, case.law), "five-layer network": verify(compile_law(case.law), case.law)}
    for name, verification in found.items():
        if not verification.passed:
            raise StudyError(f"the {name} is not its law, so nothing was trained:\n{verification}")
    return {name: {"max_error": v.max_error, "points": v.counts} for name, v in found.items()}


def state_grid(case: PendulumCase) -> Array:
    """Return the grid (G, 2) of states on which inputs before and after training are kept."""
    lower, upper = case.law.parameter_bounds
    axes = np.meshgrid(np.linspace(lower[0], upper[0], GRID), np.linspace(lower[1], upper[1], GRID), indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1)


def _all_blocks(
    study: PendulumStudy, case: PendulumCase, folder: StudyFolder, reader: Reader | None, workers: int
) -> tuple[dict[tuple[str, int], MethodResult], dict[str, float]]:
    """Return every block by method and first seed, kept or run now, and the seconds of those run now."""
    blocks, seconds, tasks = {}, {}, []
    for name in case.agents:
        for seeds in study.blocks:
            kept = _kept_block(study, folder, name, seeds)
            if kept is None:
                tasks.append((study, name, seeds))
            else:
                blocks[name, seeds[0]] = kept
    for index, (part, taken) in run_tasks(run_block, tasks, workers, reader):
        _, name, seeds = tasks[index]
        _keep_block(study, folder, part)
        blocks[name, seeds[0]] = part
        seconds[f"{name}, seeds {seeds[0]} to {seeds[-1]}"] = taken
    return blocks, seconds


def run_block(study: PendulumStudy, name: str, seeds: range, reader: Reader | None) -> tuple[MethodResult, float]:
    """Return what one method did with one block of seeds, and the seconds that it took."""
    began = time.perf_counter()
    case = build(study)
    agent = case.agents[name]
    starts = published_pendulum().starts
    training = train(
        agent,
        case.plant,
        episodes=study.episodes,
        seeds=seeds,
        steps=study.steps,
        test_starts=starts,
        progress=None if reader is None else partial(_tell, reader, name, seeds),
    )
    first = agent.actor.replicate(seeds)
    before = [first.member(i) for i in range(len(seeds))]
    states, inputs = _paths(study, case, [before, list(training.actors)], starts[list(PATH_STARTS)])
    grid = state_grid(case)
    result = MethodResult(
        name=name,
        seeds=tuple(seeds),
        discount=training.discount,
        actor_weights=_weights(agent.actor),
        critic_weights=_weights(agent.critic),
        **_log(training),
        grid_inputs=np.array([[actor(grid) for actor in actors] for actors in (before, training.actors)]),
        paths=states,
        path_inputs=inputs,
    )
    return result, round(time.perf_counter() - began, 1)


def _tell(reader: Reader, name: str, seeds: range, progress: Progress) -> None:
    reader(name, seeds, progress)


def _log(training: Training) -> dict[str, np.ndarray]:
    return {
        "test_costs": training.log.test_costs,
        "test_unsafe": training.log.test_unsafe.astype(np.int64),
        "training_costs": training.ledger.cost,
        "violations": training.ledger.violations.astype(np.int64),
    }


def _paths(
    study: PendulumStudy, case: PendulumCase, actors: list[list[StackedNetwork]], starts: Array
) -> tuple[Array, Array]:
    runs = [[evaluate(a, case.plant, starts=starts, steps=study.steps).trajectory for a in some] for some in actors]
    states = np.array([[run.states for run in some] for some in runs])
    return states, np.array([[run.inputs for run in some] for some in runs])


def _weights(network: StackedNetwork) -> int:
    return sum(p[0].numel() for p in network.parameters())


def _block_file(folder: StudyFolder, name: str, seeds: range | tuple[int, ...]) -> Path:
    return folder.file(f"block-{name}-{seeds[0]}-{seeds[-1]}.npz")


def _block_digest(study: PendulumStudy) -> str:
    """Return a hash of all that a block depends on; the number of seeds is not among it."""
    settings = asdict(replace(study, seeds=1, first_seed=0))
    return hashlib.sha256((json.dumps(settings, sort_keys=True) + source_digest()).encode()).hexdigest()


def _keep_block(study: PendulumStudy, folder: StudyFolder, part: MethodResult) -> None:
    facts = {"facts": part.facts(), "study": _block_digest(study)}
    write_archive(_block_file(folder, part.name, part.seeds), KIND, facts, part.arrays())


def _kept_block(study: PendulumStudy, folder: StudyFolder, name: str, seeds: range) -> MethodResult | None:
    """Return the block that an interrupted run of this very study left, if there is a whole one of these seeds."""
    try:
        data, arrays = read_archive(_block_file(folder, name, seeds), KIND)
        part = MethodResult.of(data["facts"], arrays)
    except (FileNotFoundError, FileFormatError, KeyError, TypeError):
        return None
    own = data.get("study") == _block_digest(study) and (part.name, part.seeds) == (name, tuple(seeds))
    return part if own else None


def _forget_blocks(folder: StudyFolder) -> None:
    for path in folder.path.glob("block-*.npz"):
        path.unlink()
