"""The command line, as a person types it."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from studies import commands
from studies.__main__ import EXAMPLES, main
from studies.cstr import CstrStudy
from studies.folder import StudyFolder
from studies.registry import REGISTRY
from studies.runner import run_study

pytestmark = pytest.mark.slow
SCENARIOS = ("nominal", "fouled-60")


@pytest.fixture(scope="module")
def quick(tmp_path_factory, two_methods):
    path = tmp_path_factory.mktemp("quick")
    assert main(["pendulum", "--quick", "--episodes", "2", "--workers", "1", "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def reactor(tmp_path_factory):
    """A study of the reactor of 70 steps, and what it logged."""
    path, text = tmp_path_factory.mktemp("reactor"), io.StringIO()
    short = replace(REGISTRY["cstr"], study=CstrStudy(seeds=2, episodes=1, steps=70))
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(text):
        patch.setitem(REGISTRY, "cstr", short)
        assert main(["cstr", "--workers", "1", "--out", str(path)]) == 0
    return path, text.getvalue()


def test_the_reactor_has_rows_of_methods_and_baselines_in_both_scenarios(reactor):
    rows = json.loads((reactor[0] / "result.json").read_text())["rows"]
    found = {(row["method"], row["scenario"], row["seed"]) for row in rows}
    names = list(CstrStudy(steps=20).build().agents["nominal"])
    learned = {(name, scenario, seed) for name in names for scenario in SCENARIOS for seed in (0, 1)}
    known = {
        (name, scenario, None) for name in ("linear MPC", "offset-free MPC") for scenario in ("nominal", "fouled-60")
    }
    assert learned | known <= found
    assert len(found) == len(learned) + 6
    assert len(rows) == 20 * len(found)


def test_a_suite_runs_its_studies_into_folders_of_their_own_and_leads_to_their_reports(tmp_path, monkeypatch, capsys):
    for name in ("safety-reactor", "safety-pendulum"):
        study = replace(REGISTRY[name].study, seeds=1, episodes=1, steps=70)
        monkeypatch.setitem(REGISTRY, name, replace(REGISTRY[name], study=study))
    assert main(["safety", "--workers", "1", "--out", str(tmp_path)]) == 0
    pages = [tmp_path / name for name in ("index.html", "reactor/report.html", "pendulum/report.html")]
    before = [page.read_bytes() for page in pages]
    assert all(path.exists() for part in ("reactor", "pendulum") for path in [tmp_path / part / "certificate.json"])
    for page in pages:
        page.unlink()
    assert main(["report", str(tmp_path)]) == 0
    assert [page.read_bytes() for page in pages] == before
    told = capsys.readouterr().out
    assert told.count("Before training a checker") == 4
    assert told.rstrip().endswith("index.html")


def test_progress_names_the_scenario_where_there_are_several(reactor):
    lines = [line.rpartition(", seeds")[0] for line in reactor[1].splitlines() if "episode 1 of 1" in line]
    assert len(lines) == 4
    assert sorted({line.partition(", ")[2] for line in lines}) == ["fouled-60", "nominal"]


def test_the_reactors_report_is_found_by_the_name_in_its_result(reactor, capsys):
    path = reactor[0]
    before = (path / "report.html").read_bytes()
    (path / "report.html").unlink()
    assert main(["report", str(path)]) == 0
    assert (path / "report.html").read_bytes() == before
    assert "best constant bias" in capsys.readouterr().out


def test_a_reactors_study_goes_on_from_its_blocks(tmp_path):
    short = CstrStudy(seeds=1, episodes=1, steps=70)
    seen = []

    def stop(label, seeds, progress):
        seen.append(label)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), StudyFolder(tmp_path) as folder:
        run_study(short, folder, "", stop)
    again = []
    with StudyFolder(tmp_path) as folder:
        run_study(short, folder, "", lambda label, *_: again.append(label))
    assert again == [seen[2], *again[1:]]
    assert len(again) == 2, "two of the four blocks were kept"


def test_quick_study_writes_rows_and_a_report(quick):
    rows = json.loads((quick / "result.json").read_text())["rows"]
    assert len(rows) == 2 * 2 * 30
    wanted = {"method", "scenario", "seed", "start", "cost_initial", "cost_final", "cost_best"}
    assert set(rows[0]) == wanted | {"violations_training", "violations_test"}
    assert (quick / "report.html").stat().st_size > 100_000
    assert not list(quick.glob("block-*"))


@pytest.mark.usefixtures("two_methods")
def test_seeds_first_seed_and_the_verb_before_the_name(tmp_path, capsys):
    words = f"study pendulum --quick --seeds 1 --first-seed 7 --episodes 1 --workers 1 --out {tmp_path / 'a' / 'b'}"
    assert main(shlex.split(words)) == 0
    saved = json.loads((tmp_path / "a" / "b" / "result.json").read_text())
    assert {row["seed"] for row in saved["rows"]} == {7}
    assert saved["provenance"]["command"] == f"yann {words}"
    assert "28.42" in capsys.readouterr().out, "the paper's figure stands beside ours"


def test_report_is_drawn_again_from_what_was_saved_to_the_same_bytes(quick, capsys):
    before = (quick / "report.html").read_bytes()
    (quick / "report.html").unlink()
    assert main(["report", str(quick)]) == 0
    assert (quick / "report.html").read_bytes() == before
    assert "report.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pendulum", "--seeds", "0"], "`seeds` is 0, but it must be at least 1"),
        (["pendulum", "--episodes", "-3"], "`episodes` is -3"),
        (["pendulum", "--first-seed", "-1"], "`first_seed` is -1"),
        (["pendulum", "--workers", "0"], "`workers` is 0"),
        (["pendulum", "--seeds", "100001"], "`seeds` is 100,001, but at most 100,000"),
        (["cstr", "--paper-networks"], "the study 'cstr' has no plain networks; leave out --paper-networks"),
        (["report", "nowhere"], "no finished study"),
        (["report", "x[/]y[bold]:smile:"], "error: x[/]y[bold]:smile: holds no finished study"),
    ],
)
def test_refusals_are_one_line_with_code_1_and_write_nothing(words, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    error = capfd.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.name != ".lock"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required"),
        (["study", "pendlum"], "did you mean 'pendulum'"),
        (
            ["pendulm"],
            "no study or command 'pendulm'; did you mean 'pendulum'? (there is: pendulum, cstr,",
        ),
        (["reprot", "results"], "did you mean 'report'?"),
        (["pendulum", "--out", ""], "the folder's name is empty; name one"),
        (["report", " "], "the folder's name is empty; name one"),
        (["pendulum", "--seeds", "many"], "invalid int value: 'many'"),
        (["pendulum", "--sedes", "3"], "unrecognized arguments: --sedes"),
    ],
)
def test_wrong_usage_is_code_2_with_the_mend(words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert said in capsys.readouterr().err


def test_help_shows_examples_and_its_options_exist(capsys):
    for words in (["--help"], ["study", "--help"], ["report", "--help"]):
        with pytest.raises(SystemExit, match="0"):
            main(words)
    shown = capsys.readouterr().out
    for option in re.findall(r"--[a-z-]+", EXAMPLES):
        assert option in shown


def test_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"yann-control {version('yann-control')}\n"


def test_without_a_terminal_there_is_a_plain_line_every_ten_episodes():
    text = io.StringIO()
    log = commands._Log(Console(file=text))
    for method in ("DDPG", "YANN-DDPG"):
        for episode in range(1, 26):
            progress = SimpleNamespace(episode=episode, episodes=25, test_costs=np.full((3, 2), 1.5 * episode))
            log(method, range(4, 7), progress)
    wanted = [
        f"{method}, seeds 4-6: episode {k} of 25, mean test cost {1.5 * k:.2f}"
        for method in ("DDPG", "YANN-DDPG")
        for k in (10, 20, 25)
    ]
    assert text.getvalue().splitlines() == wanted


@pytest.mark.usefixtures("two_methods")
def test_quick_study_logs_plain_lines(tmp_path, capfd):
    words = f"pendulum --quick --seeds 1 --episodes 1 --workers 1 --out {tmp_path}"
    assert main(shlex.split(words)) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "episode 1 of 1" in line]
    assert [line.split(",")[0] for line in lines] == ["DDPG", "YANN-DDPG"]


def test_ctrl_c_while_libraries_load_is_answered_in_one_line(monkeypatch, capfd):
    class Interrupted:
        @staticmethod
        def find_spec(name, *_):
            if name == "studies.commands":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "studies.commands")
    monkeypatch.delattr("studies.commands")
    monkeypatch.setattr(sys, "meta_path", [Interrupted, *sys.meta_path])
    assert main(["report", "anywhere"]) == 130
    assert capfd.readouterr().err.startswith("stopped")


def test_read_only_folder_is_refused_before_training(tmp_path, capfd):
    if os.geteuid() == 0:
        target = "/proc/yann-study"
    else:
        tmp_path.chmod(0o500)
        target = str(tmp_path / "inside")
    assert main(["pendulum", "--quick", "--out", target]) == 1
    assert "error:" in capfd.readouterr().err


def test_ctrl_c_met_in_compiled_code_is_told_as_such_and_other_faults_are_not(monkeypatch, capfd, tmp_path):
    def raising(cause):
        def study(*_):
            raise SystemError("returned a result with an exception set") from cause

        return study

    words = ["pendulum", "--quick", "--out", str(tmp_path)]
    monkeypatch.setitem(commands.VERBS, "study", raising(KeyboardInterrupt()))
    assert main(words) == 130
    assert "stopped; finished blocks are kept" in capfd.readouterr().err
    monkeypatch.setitem(commands.VERBS, "study", raising(ValueError()))
    with pytest.raises(SystemError):
        main(words)


def test_ctrl_c_ends_every_process_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "studies", "pendulum", "--seeds", "2", "--workers", "2", "--out", str(tmp_path)]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where a shell runs us in the background
    try:
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not (tmp_path / ".lock").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(run.pid, signal.SIGINT)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 130, error
    assert "goes on from them" in error
    assert "Traceback" not in error
    assert not (tmp_path / "result.json").exists()
    assert ended(run.pid), "no process of the group is left"


def ended(group):
    """Return whether the process group is empty within ten seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
