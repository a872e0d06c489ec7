"""The shape-checked run finds a wrong shape, leaves public things alone, and fails if it checks nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "shape_checks.py"

SHAPED = """
from dataclasses import dataclass
import numpy as np
from jaxtyping import Float64

def total(rows: Float64[np.ndarray, "batch n"], weights: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " batch"]:
    return rows @ weights

def wrong(rows: Float64[np.ndarray, "batch n"]) -> Float64[np.ndarray, " n"]:
    return rows.sum(axis=1)

def public(count: int) -> int:
    return count

@dataclass(frozen=True)
class Settings:
    weights: Float64[np.ndarray, " n"]
"""

TEST = """
import numpy as np
from plants.shaped import Settings, public, total, wrong

def test_fits(): total(np.ones((3, 2)), np.ones(2))
def test_wrong_argument(): total(np.ones((3, 2)), np.ones(3))
def test_wrong_result(): wrong(np.ones((3, 2)))
def test_public_things_are_not_checked(): public("text"), Settings([1, 2])
"""


@pytest.fixture
def project(tmp_path) -> Path:
    for folder in ("plants", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plants" / "__init__.py").touch()
    shutil.copy(PLUGIN, tmp_path / "tests")
    return tmp_path


def pytest_in(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.shape_checks", "--import-mode=importlib", "-rfE", *options]
    return subprocess.run([*command, "tests"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def shaped(project) -> Path:
    (project / "plants" / "shaped.py").write_text(SHAPED)
    (project / "tests" / "test_shaped.py").write_text(TEST)
    return project


def test_wrong_shapes_are_found_in_arguments_and_results(shaped):
    done = pytest_in(shaped)
    assert "2 failed, 2 passed" in done.stdout
    assert "parameters of plants.shaped.total" in done.stdout
    assert "return value of plants.shaped.wrong" in done.stdout


@pytest.mark.parametrize("options", [("-p", "no:xdist"), ("--numprocesses=2",)])
def test_the_run_says_how_much_it_checked(shaped, options):
    done = pytest_in(shaped, "-k", "fits", *options)
    assert done.returncode == pytest.ExitCode.OK
    assert "shapes checked while running: 2 functions" in done.stdout


def test_a_run_that_checks_nothing_fails(project):
    (project / "plants" / "shaped.py").write_text("def total(rows):\n    return rows\n")
    (project / "tests" / "test_shaped.py").write_text("from plants.shaped import total\ndef test_it(): total(1)\n")
    done = pytest_in(project)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in done.stdout
    assert "FAILED: this run checked no shape at all" in done.stdout


def test_a_package_that_came_too_early_is_refused(project):
    done = pytest_in(project, "-p", "plants")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "plants was imported too early" in done.stderr
