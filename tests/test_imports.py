"""The contracts on imports hold, and each of them really fails when it is broken."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = CONFIG["root_packages"]

BREAKS = [
    ("arrow", "plants/intruder.py", "import mpc"),
    ("arrow", "mpc/intruder.py", "import yann.stacked"),
    ("arrow", "yann/intruder.py", "import rl"),
    ("arrow", "rl/intruder.py", "import studies"),
    ("explicit", "mpc/explicit/intruder.py", "import mpc.outsider"),
    ("explicit-root", "mpc/explicit/intruder.py", "import mpc"),
    ("explicit-pure", "mpc/explicit/intruder.py", "import plants.outsider"),
    ("explicit-pure", "mpc/explicit/intruder.py", "import casadi"),
    ("rooms", "mpc/sets/intruder.py", "import mpc.tracking.controller"),
    ("safety", "mpc/sets/intruder.py", "import mpc.safety.safe_set"),
    ("checkers", "mpc/safety/check_reactor.py", "import mpc.safety.interval"),
    ("checkers", "mpc/safety/check_reactor.py", "import plants.arrays"),
    ("light", "plants/intruder.py", "import torch"),
    ("light", "mpc/intruder.py", "import matplotlib.pyplot"),
    ("engine", "rl/intruder.py", "import matplotlib"),
    ("any-actor", "rl/intruder.py", "import yann.outsider"),
    ("any-actor", "rl/intruder.py", "import yann"),
]


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the sources with a harmless new file in each package."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / package / "outsider.py").touch()
    return tmp_path


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    choice = [part for contract in contracts for part in ("--contract", contract)]
    code = (
        "import sys; from importlinter.cli import lint_imports_command; sys.path.insert(0, '.'); lint_imports_command()"
    )
    command = [sys.executable, "-c", code, "--no-cache", *choice]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_new_harmless_file_keeps_every_contract(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(CONFIG['contracts'])} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(("contract", "file", "line"), BREAKS)
def test_a_forbidden_import_breaks_its_contract(copy, contract, file, line):
    (copy / file).write_text(f"{line}\n")
    done = lint(copy, contract)
    assert done.returncode != 0
    assert "Contracts: 0 kept, 1 broken." in done.stdout


def test_every_contract_is_seen_to_break():
    assert {contract for contract, _, _ in BREAKS} == {contract["id"] for contract in CONFIG["contracts"]}


def test_the_arrow_names_every_package():
    [arrow] = [contract for contract in CONFIG["contracts"] if contract["id"] == "arrow"]
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = [name for name in config["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in name]
    assert sorted(arrow["layers"]) == sorted(PACKAGES) == sorted(installed)
    assert sorted(config["tool"]["pyright"]["include"]) == sorted(PACKAGES)


def test_plants_and_mpc_load_neither_torch_nor_matplotlib():
    code = "import sys, plants, mpc; print(*({'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
