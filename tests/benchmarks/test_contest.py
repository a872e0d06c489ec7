"""Workers and rounds, with our solver alone: PPOPT need not be installed here."""

import json
import os
import signal

import numpy as np
import pytest

from benchmarks.solver.__main__ import arguments, main
from benchmarks.solver.contest import Settings, contest, recorded, written
from benchmarks.solver.harder import built_problems
from benchmarks.solver.problems import stored_problems
from benchmarks.solver.process import OURS, Ended, Worker
from benchmarks.solver.scale import Size, verdict

STORED = {problem.name: problem for problem in stored_problems()}


@pytest.fixture
def path(square, tmp_path):
    return written(square, tmp_path / "square.npz")


def test_a_problem_is_solved_in_rounds_and_judged(square):
    told = []
    settings = Settings(cap=120.0, rounds=2, points=50, facets=10)
    score = contest(square, STORED["bemporad71"], settings, (OURS,), told.append)[OURS]
    assert (score.status, score.regions, len(score.seconds), told) == ("ok", 9, 2, [OURS])
    assert score.verdict is not None
    assert score.verdict.clean
    assert recorded(score)["median_s"] == score.median > 0


def test_a_worker_beyond_its_cap_is_ended(path):
    with Worker(OURS, path, None, cap=0.0) as worker, pytest.raises(Ended, match="no answer within 0 s") as caught:
        worker.ready(extra=0.0)
    assert caught.value.kind == "timeout"
    assert worker.process.returncode == -signal.SIGKILL


def test_a_worker_that_dies_is_a_crash(path):
    with Worker(OURS, path, None, cap=60.0) as worker:
        worker.ready()
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(Ended, match="ended with status -9") as caught:
            worker.ask("run")
    assert caught.value.kind == "crash"


def test_a_refusal_travels_with_its_name_and_words(tmp_path):
    path = written(STORED["deg_infeasible"], tmp_path / "problem.npz")
    with Worker(OURS, path, None, cap=60.0) as worker:
        worker.ready()
        with pytest.raises(Ended, match="rows conflict") as caught:
            worker.ask("run")
    assert caught.value.kind == "Infeasible"


def test_the_command_writes_its_tables(tmp_path, capsys, monkeypatch):
    given = [
        "deg_infeasible",
        "--only-ours",
        "--rounds",
        "1",
        "--points",
        "20",
        "--facets",
        "5",
        "--out",
        str(tmp_path),
    ]
    monkeypatch.setattr("sys.argv", ["solver", *given])
    monkeypatch.setattr("benchmarks.solver.__main__.FIRST", ())
    assert main() == 0
    record = json.loads((tmp_path / "solver.json").read_text())
    assert [(p["name"], p["scores"]["ours"]["status"]) for p in record["problems"]] == [
        ("deg_infeasible", "Infeasible")
    ]
    assert "| deg_infeasible | Infeasible | Infeasible |" in (tmp_path / "solver.md").read_text()
    assert "Partial" not in (tmp_path / "solver.md").read_text()


def test_an_unknown_problem_is_named(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["solver", "nonsense"])
    assert main() == 2
    assert "no problem is called nonsense" in capsys.readouterr().out


def test_usual_settings_are_those_that_the_document_states():
    assert (arguments([]).cap, arguments([]).rounds) == (40.0, 5)


def test_every_problem_fits_itself_and_has_a_name_of_its_own():
    problems = [*STORED.values(), *built_problems(list(STORED.values()))]
    assert len({problem.name for problem in problems}) == len(problems) >= 60
    for problem in problems:
        a = problem.arrays
        n, t, q = problem.variables, problem.parameters, problem.rows
        shapes = {"H": (n, n), "f": (n,), "F": (n, t), "G": (q, n), "w": (q,), "S": (q, t)}
        assert {key: a[key].shape for key in shapes} == shapes, problem.name
        assert len(a["A_th"]) == len(a["b_th"])
        assert problem.strictly_convex


def test_repeated_rows_are_the_old_ones_in_other_units():
    twice = next(p for p in built_problems(list(STORED.values())) if p.name == "hard_twice_pend_N3")
    whole = np.c_[twice.arrays["G"], twice.arrays["w"], twice.arrays["S"]]
    first, second = whole[: len(whole) // 2], whole[len(whole) // 2 :]
    factor = np.linalg.norm(second, axis=1) / np.linalg.norm(first, axis=1)
    np.testing.assert_allclose(second, first * factor[:, None], rtol=1e-12)
    assert factor.max() / factor.min() > 100


def test_the_scale_bar_compares_the_dearest_region_with_the_cheapest():
    sizes = [Size(6, 1.0, 12, 24, regions, 1.0, cpu, 300.0, 200.0) for regions, cpu in ((1000, 0.5), (10_000, 9.0))]
    assert verdict(sizes, "box") == "- box: the cost of a region varies by a factor 1.80; bar 2 reached"
    assert "bar 2 missed" in verdict([*sizes, Size(6, 1.0, 12, 24, 1000, 1.0, 1.5, 300.0, 200.0)], "box")
