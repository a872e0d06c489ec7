"""The README's code runs as printed and prints what the README says; its commands exist."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from studies.cstr import CstrStudy
from studies.pendulum import PendulumStudy

TITLES = {PendulumStudy: "**The pendulum**", CstrStudy: "**The reactor**"}
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def block(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), list(zip(block("python"), block("text"), strict=True)))
def test_code_runs_as_printed_and_prints_what_is_said(tmp_path, code, printed):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert without_rounding(done.stdout).startswith(without_rounding(printed))
    if "train(" in code:
        assert "Training(seeds=[0, 1], episodes=3" in done.stdout
        assert "Evaluation(2 episodes" in done.stdout


def test_code_is_at_most_25_lines():
    lines = [line for line in block("python")[0].splitlines() if line.strip()]
    assert len(lines) <= 25


@pytest.mark.parametrize("study", [PendulumStudy, CstrStudy])
def test_tables_are_filled_in_and_have_the_methods_of_the_studies(study):
    case = study().build()
    section = README[README.index(TITLES[study]) :]
    table = section[section.index("|---") : section.index("\n\n", section.index("|---"))]
    first = [line.split("|")[1].strip() for line in table.splitlines()[1:]]
    assert first[0].startswith("linear MPC")
    assert first[-1].startswith("best")
    for world in case.agents:
        for method in case.agents[world]:
            assert [row.split(",")[0] for row in first].count(method) == 1, method


def test_two_commands_are_targets_of_the_makefile():
    commands = re.findall(r"^make (\w+)", block("sh")[0], re.MULTILINE)
    assert commands == ["study", "test"]
    for command in commands:
        done = subprocess.run([which("make"), "-n", command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / name).is_file(), name


def without_rounding(text):
    """Return the text with the size of a rounding error, which differs from machine to machine, left out."""
    return re.sub(r"difference \d\.\de-\d\d", "difference", text)
