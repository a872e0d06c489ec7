"""Running a study: rows, resuming, repeating."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mpc import FileFormatError, solve_explicit
from mpc.explicit.storage import write_archive
from rl import evaluate
from studies import runner
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.pendulum import PendulumStudy, printed_pendulum_problem
from studies.result import StudyResult
from studies.runner import check_networks, run_study
from studies.statistics import at

SMALL = PendulumStudy(seeds=3, episodes=2, steps=70, block=2)
pytestmark = pytest.mark.usefixtures("two_methods")
FILES = {".lock", "law.npz", "result.json", "result.npz", "timing.json"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, two_methods):
    path = tmp_path_factory.mktemp("study")
    with StudyFolder(path) as folder:
        return path, run_study(SMALL, folder, "yann pendulum")


def test_rows_are_complete_and_agree_with_the_arrays(finished):
    path, result = finished
    saved = json.loads((path / "result.json").read_text())
    rows = saved["rows"]
    assert len(rows) == 2 * 3 * 30
    assert {row["method"] for row in rows} == {"DDPG", "YANN-DDPG"}
    assert {row["scenario"] for row in rows} == {"nominal"}
    ours = [r for r in rows if r["method"] == "YANN-DDPG" and r["seed"] == 1]
    np.testing.assert_array_equal([r["cost_final"] for r in ours], result.method("YANN-DDPG").test_costs[1, -1])
    assert all(r["cost_best"] <= min(r["cost_initial"], r["cost_final"]) for r in rows)
    assert all(r["violations_training"] == r["violations_test"] == 0 for r in rows), "the pendulum has no safe limit"
    assert saved["settings"]["yann"]["exploration"] == 0
    assert {"numpy", "torch", "yann-control"} <= set(saved["provenance"]["versions"])


def test_finished_study_leaves_no_blocks_and_loads_as_it_was(finished):
    path, result = finished
    assert {p.name for p in path.iterdir()} == FILES
    loaded = StudyResult.load(path)
    assert loaded.rows() == result.rows()
    assert loaded.law.digest == result.law.digest
    for mine, theirs in zip(loaded.methods, result.methods, strict=True):
        np.testing.assert_array_equal(mine.paths, theirs.paths)
        assert mine.seeds == (0, 1, 2)


def test_yann_begins_as_the_law_in_every_seed(finished):
    _, result = finished
    before = result.method("YANN-DDPG").test_costs[:, 0]
    assert (before == before[0]).all()
    assert at(result, result.method("YANN-DDPG"), "easy", 0).mean == pytest.approx(0.868, abs=0.01)


def test_stopped_study_goes_on_from_its_blocks_to_the_same_bytes(finished, tmp_path, monkeypatch):
    path, _ = finished
    seen = []

    def stop(method, seeds, progress):
        seen.append((method, seeds[0], progress.episode))
        if method == "YANN-DDPG" and progress.episode == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), StudyFolder(tmp_path) as folder:
        run_study(SMALL, folder, "yann pendulum", stop)
    assert {p.name for p in tmp_path.glob("block-*")} == {f"block-nominal-DDPG-{part}.npz" for part in ("0-1", "2-2")}
    assert not (tmp_path / "result.json").exists()

    seen.clear()
    with StudyFolder(tmp_path) as folder:
        run_study(SMALL, folder, "yann pendulum", lambda m, s, p: seen.append((m, s[0], p.episode)))
    assert {method for method, *_ in seen} == {"YANN-DDPG"}, "finished blocks are not run again"
    for name in ("result.json", "result.npz", "law.npz"):
        assert (tmp_path / name).read_bytes() == (path / name).read_bytes(), name


@pytest.mark.parametrize("spoil", ["settings", "file"])
def test_block_of_another_study_or_damaged_is_run_again(tmp_path, spoil):
    one = replace(SMALL, seeds=1, episodes=1)

    def stop(method, seeds, progress):
        del seeds, progress
        if method == "YANN-DDPG":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), StudyFolder(tmp_path) as folder:
        run_study(one, folder, "", stop)
    if spoil == "file":
        block = tmp_path / "block-nominal-DDPG-0-0.npz"
        block.write_bytes(block.read_bytes()[:-100])
    else:
        one = replace(one, steps=80)
    ran = []
    with StudyFolder(tmp_path) as folder:
        run_study(one, folder, "", lambda m, s, p: ran.append(m))
    assert "DDPG" in ran


def test_damaged_result_is_refused_by_name(finished, tmp_path):
    path, _ = finished
    for name in ("law.npz", "result.npz"):
        (tmp_path / name).write_bytes((path / name).read_bytes())
    content = bytearray((tmp_path / "result.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "result.npz").write_bytes(bytes(content))
    with pytest.raises(FileFormatError, match=r"result\.npz"):
        StudyResult.load(tmp_path)


@pytest.fixture
def copied(finished, tmp_path):
    path, result = finished
    for name in ("law.npz", "result.npz", "result.json"):
        (tmp_path / name).write_bytes((path / name).read_bytes())
    return tmp_path, result


def test_law_of_another_problem_in_the_folder_is_refused(copied):
    path, result = copied
    plant = SMALL.build().plant
    other = solve_explicit(printed_pendulum_problem(plant))
    other.save(path / "law.npz")
    with pytest.raises(FileFormatError, match=f"holds the law {other.digest[:12]}, but .*{result.law.digest[:12]}"):
        StudyResult.load(path)


def test_rows_and_arrays_of_two_runs_are_not_taken_for_one(copied):
    path, result = copied
    changed = replace(result, settings=result.settings | {"episodes": 3})
    with StudyFolder(path / "other") as folder:
        changed.save(folder)
    assert StudyResult.load(path / "other").settings["episodes"] == 3
    (path / "other" / "result.json").replace(path / "result.json")
    with pytest.raises(FileFormatError, match=r"result\.json belongs to a result\.npz with SHA-256 .* of two runs"):
        StudyResult.load(path)
    (path / "result.json").write_text("[]")
    with pytest.raises(FileFormatError, match=r"result\.json is no JSON of a study"):
        StudyResult.load(path)


def test_a_result_that_finds_no_room_leaves_the_old_one_whole(copied, monkeypatch):
    path, result = copied
    before = {p.name: p.read_bytes() for p in path.iterdir()}

    def full(handle):
        if "result.json" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with StudyFolder(path) as folder, pytest.raises(OSError, match=r"full \(.*result\.json"):
        replace(result, settings={}).save(folder)
    (path / ".lock").unlink()
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before


@pytest.mark.parametrize("lost", ["seeds", "name", "facts", "other seeds"])
def test_block_with_right_checksums_but_incomplete_facts_is_run_again(finished, tmp_path, lost):
    _, result = finished
    one = replace(SMALL, seeds=3, block=3)
    part = result.method("DDPG")
    facts = part.facts()
    data = {"facts": facts, "study": runner._block_digest(one)}
    block = runner.Block("nominal", "DDPG", range(3))
    path = tmp_path / block.file
    folder = StudyFolder(tmp_path)
    write_archive(path, runner.KIND, data, part.arrays())
    assert runner._kept_block(one, folder, block).seeds == (0, 1, 2)
    if lost == "facts":
        del data["facts"]
    elif lost == "other seeds":
        facts["seeds"] = [4, 5, 6]
    else:
        del facts[lost]
    write_archive(path, runner.KIND, data, part.arrays())
    assert runner._kept_block(one, folder, block) is None


def test_network_that_is_not_its_law_stops_the_study_before_training(monkeypatch, tmp_path):
    case = SMALL.build()
    case.actor.law.gains[2] += 1e-3
    monkeypatch.setattr(PendulumStudy, "build", lambda study: case)
    with pytest.raises(StudyError, match="YANN actor is not its law"):
        check_networks(case)
    with pytest.raises(StudyError, match="nothing was trained"), StudyFolder(tmp_path) as folder:
        run_study(SMALL, folder, "")
    assert {p.name for p in tmp_path.iterdir()} == {".lock"}


@pytest.mark.parametrize("decisions", [(), ("accepted",)])
def test_behind_a_gate_the_last_column_is_that_of_the_delivered_actors(decisions):
    case = SMALL.build()
    world, starts = case.worlds["nominal"], case.starts[:2]
    table = np.zeros((1, 2))
    training = SimpleNamespace(
        log=SimpleNamespace(test_costs=np.full((1, 3, 2), -1.0), test_unsafe=np.ones((1, 3, 2)), test_starts=starts),
        ledger=SimpleNamespace(cost=table, runs=table, violations=table),
        decisions=decisions,
        actors=(case.actor,),
    )
    found = runner._log(training, world)
    delivered = evaluate(case.actor, world, starts=starts).costs if decisions else -1.0
    np.testing.assert_array_equal(found["test_costs"][0, -1], np.broadcast_to(delivered, 2))
    assert (found["test_costs"][0, :-1] == -1).all()
    assert (found["test_unsafe"][0, -1] == (not decisions)).all()
