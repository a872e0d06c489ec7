"""What gets installed: exactly five packages, whole, under names that are ours alone."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("mpc", "plants", "rl", "studies", "yann")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """The exact version of each distribution in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> list[PurePosixPath]:
    """The names in a wheel that was built from a copy, so that no build folder is left here."""
    copy = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    (copy / "tests").mkdir()  # a folder beside the packages must not come along
    (copy / "tests" / "__init__.py").touch()
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist"]
    subprocess.run([*pip, "."], cwd=copy, check=True)
    [wheel] = (copy / "dist").glob("yann_control-*.whl")
    return [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]


def test_the_wheel_has_exactly_the_five_names(wheel_names):
    tops = {name.parts[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_has_every_file_of_the_packages(wheel_names):
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file()]
    source = {PurePosixPath(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    assert source - set(wheel_names) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed_and_says_whose_it_is(package):
    assert (ROOT / package / "py.typed").is_file()
    assert '\n__distribution__ = "yann-control"\n' in (ROOT / package / "__init__.py").read_text()


def test_each_name_is_ours_alone():
    owners = packages_distributions()
    for name in PACKAGES:
        assert "yann-control" in owners.get(name, ()), f"`{name}` is not installed by yann-control; run `make venv`"
        others = set(owners[name]) - {"yann-control"}
        assert not others, f"`{name}` is also installed by {', '.join(others)}: remove it, or start from a fresh .venv"


def test_versions_agree():
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## \[(?:Unreleased\] )?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation
    assert newest
    assert (citation[1], newest[1]) == (PROJECT["version"], PROJECT["version"])


def test_every_requirement_is_pinned_within_its_range(pins):
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for wanted in (Requirement(text) for group in groups for text in group):
        pinned = pins.get(canonicalize_name(wanted.name))
        assert pinned, f"{wanted.name} is missing from constraints.txt"
        assert wanted.specifier.contains(pinned), f"{wanted.name} is pinned to {pinned}, outside {wanted.specifier}"


def test_everything_that_this_project_needs_is_installed_as_pinned(pins):
    for name in needed("yann-control", frozenset({"dev"}), {}):
        installed = distribution(name).version.partition("+")[0]
        assert installed == pins.get(name), f"{name} {installed} is not what constraints.txt says; run `make venv`"


def needed(name: str, extras: frozenset[str], seen: dict[str, frozenset[str]]) -> set[str]:
    """The names of all that a distribution needs, directly or through others."""
    if extras <= seen.get(name, frozenset()) and name in seen:
        return set(seen)
    seen[name] = seen.get(name, frozenset()) | extras
    for wanted in map(Requirement, distribution(name).requires or ()):
        if any(wanted.marker is None or wanted.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            needed(canonicalize_name(wanted.name), frozenset(wanted.extras), seen)
    return set(seen) - {"yann-control"}
