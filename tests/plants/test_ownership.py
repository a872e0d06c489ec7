"""A package of the same name from elsewhere is named, placed and mended, and never runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOUD = "raise RuntimeError('a stranger ran')\n"


def run(code: str, *path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds `path` first and this project last."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT))), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False)


def require(name: str) -> str:
    file = ROOT / "plants" / "ownership.py"
    return f"from runpy import run_path; run_path({str(file)!r})['require_own']({name!r})"


def stranger(folder: Path, name: str, distribution: str | None = None) -> Path:
    """Write a package that fails when it runs and, if asked, what pip writes beside one that it installs."""
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(LOUD)
    if distribution is not None:
        about = folder / f"{distribution}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (about / "top_level.txt").write_text(f"{name}\n")
    return package / "__init__.py"


@pytest.mark.parametrize("name", ["plants", "mpc", "yann", "rl", "studies"])
def test_own_packages_pass(name, tmp_path):
    done = run(require(name), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["plants", "mpc", "yann", "rl"])
def test_an_installed_stranger_is_named_with_its_file_and_the_mend(name, tmp_path):
    file = stranger(tmp_path, name, "rival-lab")
    answer = run(require(name), tmp_path, cwd=tmp_path).stderr
    assert f"ImportError: `{name}` is not yann-control's: the distribution rival-lab hides it with {file}" in answer
    assert "pip uninstall rival-lab" in answer
    assert "a stranger ran" not in answer


def test_a_stranger_written_over_our_files_is_told_apart_by_its_text(tmp_path):
    ours = (ROOT / "mpc" / "__init__.py").read_text()
    stranger(tmp_path, "mpc", "rival-lab").write_text(ours.replace("yann-control", "rival-lab"))
    assert "the distribution rival-lab hides it" in run(require("mpc"), tmp_path, cwd=tmp_path).stderr


def test_a_loose_file_belongs_to_no_distribution(tmp_path):
    file = tmp_path / "rl.py"
    file.write_text(LOUD)
    answer = run(require("rl"), tmp_path, cwd=tmp_path).stderr
    assert f"{file} hides it, which belongs to no installed distribution; rename it" in answer


def test_a_folder_without_init_is_no_package_of_ours(tmp_path):
    (tmp_path / "studies").mkdir()
    code = f"import sys; sys.path.remove({str(ROOT)!r}); {require('studies')}"
    assert f"{tmp_path / 'studies'} hides it" in run(code, tmp_path, cwd=tmp_path).stderr


def test_a_module_from_no_file_is_not_ours(tmp_path):
    code = f"import sys, types; sys.modules['mpc'] = types.ModuleType('mpc'); {require('mpc')}"
    assert "`mpc` of yann-control is not there; install" in run(code, cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("shadowed", "importer"),
    [("plants", "mpc"), ("mpc", "yann"), ("plants", "yann"), ("yann", "rl"), ("rl", "studies")],
)
def test_each_package_checks_those_that_it_builds_on_before_it_imports_them(shadowed, importer, tmp_path):
    stranger(tmp_path, shadowed, "rival-lab")
    answer = run(f"import {importer}", tmp_path, cwd=tmp_path).stderr
    assert f"`{shadowed}` is not yann-control's" in answer
    assert "a stranger ran" not in answer
